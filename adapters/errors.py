"""The one way in which an edge says that it did not understand what it was given."""

from firewall.core.errors import MisuseError


class Unreadable(MisuseError):
    """What came in is not of a form that this edge knows, so it was refused rather than guessed.

    Args:
        problem: What is wrong, in words that hold nothing of what came in.
        where: Place in the structure (`messages.3.content`), as program structure; never content.
        line: 1-based line in a file, where there is one.
    """

    def __init__(self, problem: str, *, where: str = "", line: int | None = None) -> None:
        self.problem = problem
        self.where = where
        self.line = line
        place = f"line {line}: " if line is not None else f"{where}: " if where else ""
        super().__init__(f"{place}{problem}")
