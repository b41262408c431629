"""`myna people`, `share`, `unshare` and `voices give`, on the real mynad."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tui.conftest import Run

pytestmark = pytest.mark.integration


def test_a_person_comes_and_goes(myna: Run, any_daemon: Any) -> None:
    def says(*words: str) -> str:
        ended = myna(*words)
        assert ended.code == 0, ended.err
        return ended.out

    assert "Nobody but you" in says("people", "list")
    added = says("people", "add", "bob", "--may", "speak,read", "--disk", "20GB", "--minutes-a-day", "60")
    assert "bob may speak, read." in added
    assert "myna people token bob" in added
    made = myna("people", "token", "bob", "--expires", "30d")
    assert made.out.startswith("myna_")
    assert len(made.out.split()) == 1, "a script reads nothing else"
    assert "it is not shown again" in made.err
    says("voices", "new", "anna", "--language", "en")
    assert "bob may speak with anna" in says("share", "anna", "bob", "--may", "speak")
    (told,) = json.loads(says("people", "list", "--json"))
    assert told["shares"][0]["voice"] == "anna"
    assert told["limits"] == {"disk": 20_000_000_000, "minutes_a_day": 60.0}
    assert made.out.strip() not in json.dumps(told)
    today = says("people", "usage")
    assert "0.0 of 60 min" in today
    assert "0 B of 20 GB" in today or "of 20" in today
    assert "bob has used nothing yet" in says("people", "usage", "bob")
    (used,) = json.loads(says("people", "usage", "--json"))
    assert (used["person"], used["limits"]["minutes_a_day"]) == ("bob", 60.0)
    assert "anna is not there for bob any more" in says("unshare", "anna", "bob")
    assert "anna is bob’s now." in says("voices", "give", "anna", "bob")
    assert "Token 1 of bob opens nothing" in says("people", "revoke", "1")
    assert "bob may not come in any more" in says("people", "revoke", "bob")
    assert says("people", "log").count("People.") >= 6


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("people", "add", "bob", "--may", "fly"), "There is no right 'fly' to give."),
        (("people", "token", "bob"), "There is no person named 'bob'."),
        (("people", "token", "bob", "--expires", "soon"), "'soon' is not a time."),
        (("people", "add", "bob", "--may", "speak", "--disk", "much"), "'much' is not a size."),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(myna: Run, any_daemon: Any, words: tuple[str, ...], sentence: str) -> None:
    ended = myna(*words)
    assert ended.code in (1, 2)
    assert sentence in ended.err
