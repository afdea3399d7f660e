"""Every error the wall raises, and whose fault each one is.

    PartywallError
    ├── Denied                 the wall refused; constant text and a reference, nothing else
    ├── MisuseError            the calling program is wrong
    │   ├── NoTurn             no turn is open here
    │   ├── TurnClosed         the turn has ended
    │   ├── NotGuarded         this member of a guarded object is not covered
    │   ├── ToolUndeclared     a tool does not say whose its result is
    │   ├── UnsupportedApp     no guard is known for this application
    │   ├── UnsupportedModel   no guard is known for this model
    │   ├── ConfigError        the configuration is wrong; carries the line
    │   └── BadIdentifier      an id is empty, a placeholder or not text
    ├── UnavailableError       something the wall needs does not answer; try again later
    │   ├── StoreUnavailable   the database
    │   ├── SessionBusy        another holder keeps the session
    │   └── ServiceUnavailable a model, a kernel feature, an optional package
    └── IntegrityError         stored or presented state contradicts itself; somebody must look
        ├── KeyMismatch        the master key is missing or is not the one that sealed the data
        ├── SchemaTooNew       the database was written by a newer version
        ├── LeaseLost          another process took the session over; nothing was written
        ├── LabelConflict      labels that cannot meet were joined
        └── ChainBroken        a receipt does not follow its predecessor

No message, argument, token, path or file body ever stands in an error: ids, lengths and remedies only.
"""


class PartywallError(Exception):
    """The root of everything the wall raises on purpose."""


class Denied(PartywallError):
    """The wall refused this call; the text is one constant sentence and a reference.

    Args:
        reason: The reason code, for programs. It never appears in the text.
        ref: The reference that `partywall why REF` explains to an operator.
    """

    def __init__(self, reason: str, ref: str) -> None:
        self.reason = reason
        self.ref = ref
        super().__init__(f"This request was stopped by the operator's rules. Reference: {ref}")


class MisuseError(PartywallError):
    """The calling program used the wall in a way that cannot work; fix the program."""


class NoTurn(MisuseError):
    """No turn is open here.

    Call this inside a guarded handler, inside `async with wall.turn(...)`, or pass `turn=`.
    """


class TurnClosed(MisuseError):
    """The turn has ended; nothing can be read or sent in its name any more."""


class NotGuarded(MisuseError):
    """This member of a guarded object is not covered by the wall, so it does not answer."""


class ToolUndeclared(MisuseError):
    """A tool does not say what its arguments are or whose its result is."""


class UnsupportedApp(MisuseError):
    """No guard is known for this application, or one of its choke points is gone."""


class UnsupportedModel(MisuseError):
    """No guard is known for this kind of model."""


class ConfigError(MisuseError):
    """The configuration is wrong; nothing was opened.

    Args:
        message: What is wrong and what to write instead.
        line: 1-based line in the file, where it is known.
    """

    def __init__(self, message: str, *, line: int | None = None) -> None:
        self.line = line
        super().__init__(message if line is None else f"line {line}: {message}")


class BadIdentifier(MisuseError):
    """An id is empty, only whitespace, a placeholder, or not well-formed text."""


class UnavailableError(PartywallError):
    """Something the wall needs did not answer; nothing was let through meanwhile."""


class StoreUnavailable(UnavailableError):
    """The database could not be read or written; the turn was refused, not continued unrecorded."""


class SessionBusy(UnavailableError):
    """Another turn or process kept the session longer than the wait allowed."""


class ServiceUnavailable(UnavailableError):
    """A model, a kernel feature or an optional package is missing or did not answer."""


class IntegrityError(PartywallError):
    """Stored or presented state contradicts itself; the wall stopped rather than guess."""


class KeyMismatch(IntegrityError):
    """The master key is missing or is not the one the data was sealed with."""


class SchemaTooNew(IntegrityError):
    """The database was written by a newer version; upgrade the program, not the file."""


class LeaseLost(IntegrityError):
    """Another process took this session over while it was held here; nothing was written."""


class LabelConflict(IntegrityError):
    """Two labels that have no join met in one subject."""


class ChainBroken(IntegrityError):
    """A receipt does not follow its predecessor."""
