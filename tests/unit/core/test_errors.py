"""Errors say whose fault it is, and nothing that anybody said."""

import inspect
import re

import pytest

from firewall.core import errors
from firewall.core.errors import ConfigError, Denied, PartywallError
from firewall.core.verdict import ReasonCode

_DRAWN = re.compile(r"^    ([│ ├└─]*)(\w+)", re.MULTILINE)


def kinds() -> dict[str, type[Exception]]:
    return {
        name: each
        for name, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, PartywallError) and each is not PartywallError
    }


def drawn() -> dict[str, str]:
    """The parent of every error, as the module's docstring draws it."""
    parents: dict[str, str] = {}
    above = [PartywallError.__name__]
    for indent, name in _DRAWN.findall(errors.__doc__ or "")[1:]:
        depth = len(indent) // 4
        parents[name] = above[depth - 1]
        above[depth:] = [name]
    return parents


def test_the_tree_that_is_drawn_is_the_tree_there_is() -> None:
    assert drawn() == {name: each.__mro__[1].__name__ for name, each in kinds().items()}


def test_every_error_stands_under_whose_fault_it_is() -> None:
    faults = {"MisuseError", "UnavailableError", "IntegrityError", "Denied"}
    top = {name for name, parent in drawn().items() if parent == "PartywallError"}
    assert top == faults
    assert len(drawn()) > len(faults)


@pytest.mark.parametrize("reason", ReasonCode)
def test_a_refusal_tells_a_reference_and_not_the_rule(reason: ReasonCode) -> None:
    denied = Denied(reason.value, "ref1")
    assert str(denied) == "This request was stopped by the operator's rules. Reference: ref1"
    assert (denied.reason, denied.ref) == (reason.value, "ref1")


def test_a_configuration_error_names_its_line_where_it_is_known() -> None:
    assert str(ConfigError("write this", line=3)) == "line 3: write this"
    assert ConfigError("write this", line=3).line == 3
    assert str(ConfigError("write this")) == "write this"
