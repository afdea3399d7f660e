import random

import pytest

from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Owned, Principals
from firewall.detect.excerpts import places
from firewall.detect.excerpts.owners import NONE, Owner
from firewall.detect.excerpts.texts import Texts


def owner(tenant: str) -> Owner:
    readers = Principals(ids=frozenset({PrincipalId("ann")}))
    return Owner(label=Owned(tenant=TenantId(tenant), readers=readers), whole=False)


def test_the_same_words_of_two_tenants_are_two_texts() -> None:
    texts, acme, globex = Texts(), owner("acme"), owner("globex")
    first, second = texts.add(acme, "same words"), texts.add(globex, "same words")
    assert first != second
    texts.remove(first)
    assert texts.number(acme, "same words") is None
    assert texts[second] == (globex, "same words")


def test_a_forgotten_text_is_no_longer_kept_under_its_number() -> None:
    texts, acme = Texts(), owner("acme")
    number = texts.add(acme, "said in private")
    texts.remove(number)
    for ask in (texts.__getitem__, texts.renew, texts.remove):
        with pytest.raises(KeyError):
            ask(number)
    assert texts.number(acme, "said in private") is None
    assert acme.oldest == acme.youngest == NONE


@pytest.mark.parametrize("least", [0, 4_096])
def test_texts_come_and_go_as_in_a_dictionary(least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_LEAST", least)
    draw, texts = random.Random(least), Texts()
    held: dict[Owner, dict[str, None]] = {owner("acme"): {}, owner("globex"): {}}
    for _ in range(3_000):
        who = draw.choice(list(held))
        mine, text = held[who], draw.choice("abж三\U0001f600") * draw.choice((1, 2, 23, 900, 4_096))
        text = f"{draw.randrange(9)}{text}"[:4_096]
        number = texts.number(who, text)
        if mine and draw.random() < 0.5:
            oldest = next(iter(mine))
            assert texts[who.oldest] == (who, oldest)
            texts.remove(who.oldest)
            del mine[oldest]
        elif number is not None:
            texts.renew(number)
            mine[text] = mine.pop(text)
        else:
            assert text not in mine
            number = texts.add(who, text)
            mine[text] = None
            assert texts[number] == (who, text)
    emptied(texts, held)


@pytest.mark.parametrize("least", [0, 4_096])
def test_many_texts_at_once_come_as_one_after_the_other(least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_LEAST", least)
    draw, texts = random.Random(least), Texts()
    held: dict[Owner, dict[str, None]] = {owner("acme"): {}, owner("globex"): {}}
    for _ in range(200):
        entries = [(draw.choice(list(held)), f"said {draw.randrange(40)}") for _ in range(draw.randrange(9))]
        unknown = {entry for entry in entries if entry[1] not in held[entry[0]]}
        fresh = texts.add_many(entries)
        assert {(who, text) for _, who, text in fresh} == unknown
        assert len(fresh) == len(unknown)
        assert all(texts[number] == (who, text) for number, who, text in fresh)
        for who, text in entries:
            held[who].pop(text, None)
            held[who][text] = None
        for who in held:
            if held[who] and draw.random() < 0.4:
                del held[who][texts[who.oldest][1]]
                texts.remove(who.oldest)
    emptied(texts, held)


def emptied(texts: Texts, held: dict[Owner, dict[str, None]]) -> None:
    """Take every owner's texts away, oldest first."""
    for who, mine in held.items():
        assert [text for text in mine if texts.number(who, text) is None] == []
        for text in mine:
            assert texts[who.oldest] == (who, text)
            texts.remove(who.oldest)
        assert who.oldest == NONE
