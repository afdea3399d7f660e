"""What to do when a route does not take a message, by what went wrong."""

from collections.abc import Mapping

_REMEDIES: Mapping[str, str] = {
    "timeout": "it did not answer in the route's timeout_s; look at the receiver, and at firewalls",
    "unresolved": "its host name has no address here; check the name, and this machine's DNS",
    "unreachable": "nothing listens there, or it hung up; check address, port and firewall",
    "tls": "its certificate is not trusted here; check its name and date, and this machine's certificates",
    "protocol": "what answers there speaks no HTTP; check the address and the port",
    "too_large": "its answer is longer than any receiver's; check the address",
    "address refused": (
        "its host is at an address that is not public; set private = true if the receiver is yours"
    ),
    "no slack": "what answers there is not Slack; check the route's url",
    "smtp without tls or login": "the mail server offers no TLS, or no login; check host, port and tls",
    "http 400": "it does not accept the message; check the kind of the route, and its key",
    "http 401": "it does not know the key or token; check the variable that the route names",
    "http 403": "it does not let this key or token do that; check the variable that the route names",
    "http 404": "there is no such address; copy it again from the receiver",
    "http 410": "the receiver was taken down for good; make a new one there and name its address",
    "http 429": "it asks for fewer messages; wait, and lower per_minute",
    "slack channel_not_found": "the bot does not see the channel; check its id, and invite the bot",
    "slack not_in_channel": "invite the bot to the channel",
    "slack invalid_auth": "Slack does not know the token; check the variable that the route names",
}
_KINDS: Mapping[str, str] = {
    "http 3": "it redirects, and a redirect is never followed; name the address it redirects to",
    "http 4": "it refuses the message; check the address and the key",
    "http 5": "the receiver has a fault of its own; look there, and try again later",
    "slack ": "Slack refuses it for the reason it names; see its page of chat.postMessage",
    "smtp 4": "the mail server refuses it for now; try again later",
    "smtp 5": "the mail server refuses it; check sender, recipients and login",
}


def remedy(fault: str) -> str:
    """Say what to do about a fault, as outcomes and lists name it."""
    if fault in _REMEDIES:
        return _REMEDIES[fault]
    kinds = (text for begin, text in _KINDS.items() if fault.startswith(begin))
    return next(kinds, "look at the receiver, then try again")
