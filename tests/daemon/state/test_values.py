"""Values in rows, and on the wire."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

import pytest

from daemon.state import values, verdict
from daemon.state.sequential import Look
from daemon.state.values import Decision

UNSCORED = {Decision.WAITING, Decision.TAKEN_IN, Decision.NOT_SCORED}


@pytest.mark.parametrize(
    ("kind", "value"),
    [(kind, value) for kind in values._WIRE for value in kind],
    ids=lambda one: str(getattr(one, "__name__", one)),
)
def test_each_value_goes_over_the_wire_and_comes_back(kind: type[StrEnum], value: StrEnum) -> None:
    assert values.on_wire(kind, str(value)) != 0
    assert values.from_wire(kind, values.on_wire(kind, str(value))) is value


@pytest.mark.parametrize("kind", values._WIRE)
def test_what_is_no_value_is_unspecified(kind: type[StrEnum]) -> None:
    assert [values.on_wire(kind, text) for text in ("", "of a newer Myna", None)] == [0, 0, 0]
    assert values.from_wire(kind, 0) is None
    assert values.from_wire(kind, 999) is None


@pytest.mark.parametrize("kind", values._WIRE)
def test_the_wire_has_no_value_that_the_rows_lack(kind: type[StrEnum]) -> None:
    wire, _ = values._WIRE[kind]
    assert len(wire.keys()) == len(kind) + 1


ABOUT = verdict.Scored("anna@7", "anna@6", "anna@8", "myna compare anna@7 anna@8 --score", "archived", 7)


@pytest.mark.parametrize("decided", sorted(set(Decision) - UNSCORED - verdict.BY_LISTENERS))
def test_each_decision_by_scores_has_a_sentence(decided: Decision) -> None:
    assert verdict.sentence(decided, ABOUT).endswith(".")


@pytest.mark.parametrize("decided", sorted(verdict.BY_LISTENERS))
def test_each_decision_by_listeners_names_the_votes_and_how_sure_they_are(decided: Decision) -> None:
    said = verdict.heard(decided, ABOUT, Look(11, 1, 0.95))
    assert said.endswith(".")
    assert "11 of 12 blind votes, sure at 95 %" in said


def test_an_undecided_version_says_how_to_decide() -> None:
    said = verdict.sentence(Decision.UNDECIDED, ABOUT)
    assert said.endswith("Listen to decide: `myna`, Listen; blind votes count for 7 days. Or `myna promote anna@7`.")
    at_once = verdict.sentence(Decision.UNDECIDED, replace(ABOUT, listen_days=0))
    assert at_once.endswith("Listen to both (`myna`, Listen), and `myna promote anna@7` if it is.")
