"""What operators supply for detection: are their rules, recognisers and public texts there, and right?

The wall asks the same when it opens, and stays closed if one is not; here it is asked before.
"""

from collections.abc import Callable, Iterator

from firewall.core.errors import PartywallError
from partywall.config import Config, Profile
from partywall.detecting import public_texts, recognisers_of, rules_of
from partywall.doctor import Check, failure, ok, warning

_UNUSED = "not used by the profile light, which looks for no typed values"


def examined(config: Config) -> Iterator[Check]:
    """Check every file of the operator's that decides what is found; none is silently left out."""
    own = {
        "rules": (len(config.secrets.rules), lambda: rules_of(config.secrets)),
        "recognisers": (int(config.pii.recognizers is not None), lambda: recognisers_of(config.pii)),
    }
    for name, (count, read) in own.items():
        if count and config.profile is Profile.LIGHT:
            yield warning(name, _UNUSED, "name another profile, or remove them")
        elif count:
            yield _read(name, count, read)
    if config.excerpts.public:
        yield _read("public text", len(config.excerpts.public), lambda: public_texts(config.excerpts))


def _read(name: str, count: int, read: Callable[[], object]) -> Check:
    try:
        read()
    except PartywallError as error:
        return failure(name, error)
    return ok(name, f"{count} of the operator's own can be read")
