from typing import Any, cast

import pytest

from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Owned, Principals
from firewall.detect.excerpts.owners import Owner
from firewall.detect.excerpts.values import Values, keeps


@pytest.mark.parametrize(
    "value",
    [
        "482913",
        "AB-12345",
        "kx7-Q2 99",
        "Ansel Masson",
        "Suite 932",
        "+447700677662",
        "correcthorsebattery",
        "p@ssw0rd",
    ],
)
def test_a_rich_value_is_looked_for(value: str) -> None:
    assert keeps(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yes",
        "28919",
        "password",
        "Johnson",
        "understand",
        "thank you",
        "111111",
        "12 12 12",
        "flat 12",
        "!!!???***###",
        "Q4 2024",
    ],
)
def test_an_ordinary_word_never_becomes_somebodys(value: str) -> None:
    assert not keeps(value)


def owner(tenant: str) -> Owner:
    readers = Principals(ids=frozenset({PrincipalId("ann")}))
    return Owner(label=Owned(tenant=TenantId(tenant), readers=readers), whole=True)


def test_values_that_begin_alike_are_told_apart() -> None:
    values, acme = Values(), owner("acme")
    for value in ("secret1", "secret12", "secret99"):
        values.add(acme, value)
    assert {(start, stop) for start, stop, _ in values.find("xsecret12")} == {(1, 8), (1, 9)}


def test_a_value_is_forgotten_when_its_last_owner_forgets_it() -> None:
    values, acme, globex = Values(), owner("acme"), owner("globex")
    values.add(acme, "secret1")
    values.add(globex, "secret1")
    values.remove(acme, "secret1")
    [(_, _, holders)] = values.find("secret1")
    assert holders.includes(globex)
    assert not holders.includes(acme)
    values.remove(globex, "secret1")
    assert list(values.find("secret1")) == []
    assert not cast(Any, values)._lengths
    values.add(acme, "secret12")
    assert [(start, stop) for start, stop, _ in values.find("secret12")] == [(0, 8)]
