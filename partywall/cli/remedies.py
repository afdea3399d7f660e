"""What an operator can do about each kind of refusal or change; the same words stand in `docs/reasons.md`."""

from firewall.core.receipt import RecordKind
from firewall.core.verdict import ReasonCode

REMEDIES: dict[ReasonCode, str] = {
    ReasonCode.UNKNOWN_TENANT: (
        "The sender's realm belongs to no configured tenant. Add the realm to a [[tenant]], or leave it "
        "denied."
    ),
    ReasonCode.UNKNOWN_PRINCIPAL: (
        "Senders of this kind are not served. Add the kind to `serve` if they should be; kinds other than "
        "human own no private data."
    ),
    ReasonCode.UNVERIFIED_SENDER: (
        "Nothing proved who sent this. Check the platform's signing secret and that the adapter verifies it."
    ),
    ReasonCode.UNKNOWN_SUBJECT: (
        "No layer knows this kind of subject. This is a fault of the program: check that all packages are "
        "of one version with `partywall doctor`."
    ),
    ReasonCode.FOREIGN_SUBJECT: (
        "Something was presented in another principal's turn. Look for a bot that keeps a turn in a "
        "global variable; use `pw.turn()` inside the handler."
    ),
    ReasonCode.NO_OWNER: (
        "Only a person owns private data, and this sender is none. Answer such senders in a room."
    ),
    ReasonCode.OUTSIDE_AUDIENCE: (
        "Not everybody who would see the answer may read this. Ask in private, or give the entry the room "
        "as readers."
    ),
    ReasonCode.WRONG_DESTINATION: (
        "The answer would go elsewhere, or to more people, than it was asked. Answer where the message "
        "came from; for another place use `wall.job`."
    ),
    ReasonCode.TOO_LARGE: (
        "The text is longer than limits.max_text_bytes, or the file than attachments.max_bytes. "
        "Send less, or raise the limit."
    ),
    ReasonCode.FILE_REFUSED: (
        "A file was one too many (attachments.max_count) or of a kind that is not in attachments.types, by "
        "its bytes. Send it as another kind, or widen the setting."
    ),
    ReasonCode.MALFORMED: "The text holds lone surrogates. Mend the program that made it.",
    ReasonCode.TURN_MISMATCH: (
        "None of the presented words belong to this turn. Look for a worker that runs in another turn's "
        "context; pass the turn on with `wall.bind(turn)`."
    ),
    ReasonCode.UNKNOWN_TOOL: "Nobody declared a tool of this name. Declare it with `@wall.tool`.",
    ReasonCode.TOOL_NOT_GRANTED: (
        "The tenant has no grant for this tool. Name it in the tenant's tools.grants, or in tools.only if "
        "that is set."
    ),
    ReasonCode.DENIED_CLASS: (
        "The tool's name says shell, interpreter or network. Rename it if it is none, or name it in the "
        "tenant's tools.grants."
    ),
    ReasonCode.BAD_ARGUMENTS: (
        "The arguments do not match the tool's declaration. Usually the model's mistake; look at the "
        "tool's description if it comes often."
    ),
    ReasonCode.BOUND_ARGUMENT: (
        "The model gave a value that only the wall may fill in. Usually an attempt to act as somebody else."
    ),
    ReasonCode.PATH_REFUSED: (
        "The path leads out of the sender's compartment, or cannot be one. Legitimate files belong into "
        "the compartment or into files.shared."
    ),
    ReasonCode.UNDECLARED_PATH: (
        "An argument without a kind looks like a path, URL or command. Declare it as pw.ReadPath, pw.Url, "
        "pw.Command or pw.Text."
    ),
    ReasonCode.HOST_NOT_GRANTED: (
        "The URL's host is not in the tenant's tools.hosts, or it is not https. Add it."
    ),
    ReasonCode.EXEC_UNAVAILABLE: (
        "This machine cannot confine a command. `partywall doctor` says what is missing; exec stays denied."
    ),
    ReasonCode.RESULT_REFUSED: "The tool returned something else than it declares. Mend the tool.",
    ReasonCode.FOREIGN_OWNER: (
        "The tool returned another tenant's rows. Filter by pw.CurrentTenant in the tool's own query."
    ),
    ReasonCode.UNACCOUNTED_CONTEXT: (
        "The prompt holds operator's text that nobody registered. Register it: `guard_model(model, "
        "trusted_system=[…])`, or `prompts` in the configuration."
    ),
    ReasonCode.UNACCOUNTED_OUTBOUND: (
        "The bot sent text that no guarded model, tool or registered text produced. Register it in "
        "`prompts`, or guard the model it comes from."
    ),
    ReasonCode.FOREIGN_EXCERPT: (
        "Somebody else's text stood where it could not be cut out. Treat it as a breach until you know "
        "how it came there: look at the turn's other records."
    ),
    ReasonCode.ORACLE_SUSPECTED: (
        "Too many different texts of others were found in this principal's turns: somebody may be guessing, "
        "or the bot hands out what is not theirs. Look at the records; then `partywall holds release REF`."
    ),
    ReasonCode.INJECTION: (
        "The text looks like it wants to command the assistant; the rule names the family of signs. Raise "
        'injection.threshold, or set injection.mode = "shadow", if it does not.'
    ),
    ReasonCode.LINK_REFUSED: (
        "A link to a host that is on no list stood where nothing may be altered. Add the host to "
        "links.hosts, or to the tenant's, if it should be reached."
    ),
    ReasonCode.PRIVATE_EGRESS: (
        "An argument of a tool that reaches outside carried something private that the message did not say. "
        "Name the tool in the tenant's tools.carry if it may carry such data."
    ),
    ReasonCode.FIXED_TEXT: (
        "A value that must not be shown stood in a path, id, URL or argument, which is never altered."
    ),
    ReasonCode.LAYER_FAILED: (
        "A layer raised, or used more than limits.layer_cpu_s. Nothing passed. Run `partywall doctor`, "
        "then report it."
    ),
    ReasonCode.PLUGIN_DENIED: (
        "A layer of a plug-in said no by a rule of its own. The layer is named above; see its documentation."
    ),
    ReasonCode.POLICY_DENIED: (
        "A policy forbids it, or a scope that holds permits has none for it (`unpermitted`). The rule names "
        "scope and policy: change that policy, and try the change with `partywall policy test`."
    ),
    ReasonCode.POLICY_FAILED: (
        "A policy could not be evaluated, or no question could be made of the case, so nothing passed. "
        "Mend the policy that the rule's scope holds: `partywall policy check` and `policy test`."
    ),
    ReasonCode.OBLIGATION_FAILED: (
        "What a layer asked for could not be done exactly. Report it; nothing passed."
    ),
    ReasonCode.REWRITE_LOOP: "A path was to be rewritten twice. Write it without detours.",
    ReasonCode.APPROVAL_UNAVAILABLE: (
        "A person's approval is needed, and nobody can give one yet, so it is denied. Take the obligation "
        'out of the policy, or set @mode("shadow").'
    ),
}

CHANGES: dict[RecordKind, str] = {
    RecordKind.DENIAL: "Nothing passed.",
    RecordKind.REDACTION: (
        "A value was replaced by a marker that shows its kind. If the reader may read it, let the turn "
        "read it first: from the vault, a tool, or the sender's own words."
    ),
    RecordKind.REWRITE: "A path was placed into the sender's compartment. There is nothing to do.",
    RecordKind.RESET: (
        "Messages that this turn may not read, or that nobody accounts for, were dropped. A bot that "
        "keeps one list for everybody causes it with every change of sender; key the list by "
        "`turn.session_id`."
    ),
    RecordKind.NOTICE: "It passed, and is written down. `strict` would have denied it.",
    RecordKind.SHADOW: (
        "The rule is only watched, by its own mode or the profile `observe`; no byte was changed."
    ),
}


def remedy(kind: RecordKind, reason: ReasonCode | None) -> str:
    """Give the remedy for one record: the refusal's where there was one, else the change's."""
    return REMEDIES[reason] if kind is RecordKind.DENIAL and reason is not None else CHANGES[kind]
