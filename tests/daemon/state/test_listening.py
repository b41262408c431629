"""Blind votes on an undecided version: what they decide, in the transaction of the vote, and what they do not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import report, sha, version

from daemon.database.models import Evaluation, Promotion, Voice, now
from daemon.database.store import Store
from daemon.state import events, listening, verdict, voices
from daemon.state.values import Decision, VersionState
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration
ENOUGH = 8  #: votes for the same one that decide at 95 %


def undecided(session: Session, number: int, against: int, *, days_ago: float = 0.0, asked: bool = True) -> Evaluation:
    """Version `number` was scored so many days ago, and the scores did not tell."""
    details = report(["line 0", "line 1"])
    details["verdict"] = {"reasons": ["Likeness differs by less than chance does."]}
    details |= {verdict.DECISION: Decision.UNDECIDED.value, verdict.ASKED: asked}
    row = Evaluation(
        voice="anna", version=number, against=against, job=number, report=details, better=False, verdict="Undecided.",
        time=now() - timedelta(days=days_ago),
    )  # fmt: skip
    session.add(row)
    verdict.put(voices.version(session, "anna", number), Decision.UNDECIDED, "Undecided.")
    session.flush()
    return row


@pytest.fixture
def anna(store: Store) -> Store:
    """anna@1 speaks; anna@2 was scored against it, and is undecided; anna@3 is there too."""

    def given(session: Session) -> None:
        version(session, 1)
        voices.promote(session, "anna", 1, voices.BY_SCORE)
        version(session, 2, parent=1)
        version(session, 3, parent=1)
        undecided(session, 2, 1)

    store.write_now(given)
    return store


def vote(store: Store, preferred: str, *, a: int = 1, b: int = 2, blind: bool = True) -> pb.Rating:
    """The answer to a vote; "a" is anna@1."""
    given = pb.Rating(voice="anna", a=a, b=b, preferred=preferred, text="Hello.", blind=blind)
    return store.write_now(listening.rate, given)


def votes(store: Store, preferred: Sequence[str]) -> pb.Rating:
    return [vote(store, one) for one in preferred][-1]


def became(store: Store, number: int = 2) -> tuple[Decision | None, str, int | None]:
    """(the version's decision, its state, what speaks)"""

    def ask(session: Session) -> tuple[Decision | None, str, int | None]:
        row = voices.version(session, "anna", number)
        return verdict.decision(row), row.state, voices.get(session, "anna").promoted

    return store.read_now(ask)


def words(store: Store, number: int = 2) -> str:
    return store.read_now(lambda session: verdict.whole(voices.version(session, "anna", number)))


def told(store: Store, a: int = 1, b: int = 2) -> pb.Listening:
    return store.read_now(listening.tally, "anna", a, b).listening


def test_the_vote_that_decides_for_the_candidate_promotes_it_in_its_own_transaction(anna: Store) -> None:
    assert votes(anna, ["b"] * (ENOUGH - 1)).decision == pb.DECISION_UNSPECIFIED
    assert became(anna) == (Decision.UNDECIDED, "candidate", 1)
    assert vote(anna, "b").decision == pb.DECISION_PREFERRED
    assert became(anna) == (Decision.PREFERRED, "promoted", 2)


def test_eleven_of_twelve_decide_and_the_verdict_names_them(anna: Store) -> None:
    open_still = votes(anna, ["a", *"b" * 10])
    assert (open_still.decision, became(anna)) == (0, (Decision.UNDECIDED, "candidate", 1))
    assert open_still.sentence == "anna@2 won 10 of 11 blind votes: about 1 more like these would decide."
    decisive = vote(anna, "b")
    assert decisive.decision == pb.DECISION_PREFERRED
    assert decisive.sentence == "Decided: anna@2 won 11 of 12 blind votes, and anna@2 was promoted."
    assert became(anna) == (Decision.PREFERRED, "promoted", 2)
    assert words(anna) == (
        "Promoted: listeners preferred it to anna@1: 11 of 12 blind votes, sure at 95 %. "
        "The scores had left it open: Likeness differs by less than chance does."
    )
    scoring, promotion = anna.read_now(
        lambda session: (
            session.scalars(select(Evaluation)).one(),
            session.scalars(select(Promotion).order_by(Promotion.id.desc())).first(),
        )
    )
    assert (verdict.decision(scoring), scoring.verdict) == (Decision.PREFERRED, words(anna))
    assert promotion is not None
    assert (promotion.version, promotion.previous, promotion.by) == (2, 1, "listeners")


def test_enough_votes_for_the_parent_say_that_the_candidate_is_worse(anna: Store) -> None:
    answer = votes(anna, ["a"] * ENOUGH)
    assert answer.decision == pb.DECISION_NOT_PREFERRED
    assert answer.sentence == "Decided: anna@1 won 8 of 8 blind votes, so anna@2 is not promoted."
    assert became(anna) == (Decision.NOT_PREFERRED, "candidate", 1)
    assert words(anna).startswith("Not promoted: listeners preferred anna@1: 8 of 8 blind votes, sure at 95 %.")


def test_a_pair_may_be_voted_on_either_way_round(anna: Store) -> None:
    for _ in range(ENOUGH):
        vote(anna, "a", a=2, b=1)
    assert became(anna)[0] is Decision.PREFERRED
    assert (told(anna).wins, told(anna, 2, 1).wins) == (ENOUGH, ENOUGH)


def test_only_blind_preferences_are_votes(anna: Store) -> None:
    for _ in range(ENOUGH):
        assert not vote(anna, "b", blind=False).sentence
        assert not vote(anna, "same").sentence
    anna.write_now(listening.rate, pb.Rating(voice="anna", a=1, b=2, score_a=1, score_b=5, blind=True))
    found = told(anna)
    assert (found.wins, found.losses, found.more, found.standing) == (0, 0, ENOUGH, pb.STANDING_OPEN)
    assert found.sentence == "Nobody has voted blind yet: 8 votes for the same one would decide."
    assert became(anna)[0] is Decision.UNDECIDED


def test_votes_as_even_as_these_will_not_decide(anna: Store) -> None:
    answer = votes(anna, ["a", "b"] * 6)
    assert answer.sentence == "anna@2 won 6 of 12 blind votes: votes as even as these will not decide."
    assert not told(anna).HasField("more")


def test_the_voice_says_how_sure_is_sure(anna: Store) -> None:
    def stricter(session: Session) -> None:
        session.get_one(Voice, "anna").options = {"promotion": {"confidence": 0.99}}

    anna.write_now(stricter)
    votes(anna, ["b"] * ENOUGH)
    assert became(anna)[0] is Decision.UNDECIDED
    votes(anna, ["b"] * 3)
    assert "sure at 99 %" in words(anna)


@pytest.mark.parametrize(
    ("days_ago", "asked", "speaks", "decision"),
    [
        (6.9, True, 1, Decision.PREFERRED),
        (7.1, True, 1, Decision.PREFERRED_LATE),
        (0.0, False, 1, Decision.PREFERRED_NOT_ASKED),
        (0.0, True, 3, Decision.PREFERRED_OTHER_SPEAKS),
    ],
)
def test_a_preferred_candidate_is_promoted_only_where_its_scores_could_have(
    anna: Store, days_ago: float, asked: bool, speaks: int, decision: Decision
) -> None:
    def given(session: Session) -> None:
        undecided(session, 2, 1, days_ago=days_ago, asked=asked)
        voices.promote(session, "anna", speaks, voices.BY_PERSON)

    anna.write_now(given)
    answer = votes(anna, ["b"] * ENOUGH)
    assert pb.Decision.Name(answer.decision) == f"DECISION_{decision.name}"
    promoted = decision is Decision.PREFERRED
    assert became(anna) == (decision, "promoted" if promoted else "candidate", 2 if promoted else speaks)
    assert promoted or "`myna promote anna@2`" in words(anna) or "`myna compare anna@2 anna@3 --score`" in words(anna)


@pytest.mark.parametrize("decided", [Decision.WORSE, Decision.BROKEN, Decision.NOT_ASKED, Decision.WAITING])
def test_what_scores_decided_is_not_undone_by_votes(anna: Store, decided: Decision) -> None:
    anna.write_now(lambda session: verdict.put(voices.version(session, "anna", 2), decided, "Decided."))
    assert not votes(anna, ["b"] * 20).sentence
    assert became(anna) == (decided, "candidate", 1)
    assert not anna.read_now(listening.tally, "anna", 1, 2).HasField("listening")


def test_a_version_that_a_person_put_aside_is_not_promoted(anna: Store) -> None:
    anna.write_now(voices.archive, "anna", 2)
    votes(anna, ["b"] * 20)
    assert became(anna) == (Decision.UNDECIDED, VersionState.ARCHIVED, 1)


def test_votes_on_other_pairs_decide_nothing(anna: Store) -> None:
    for _ in range(20):
        vote(anna, "b", a=2, b=3)
        vote(anna, "a", a=2, b=3)
        assert not vote(anna, "b", a=0, b=2).sentence
    assert became(anna)[0] is Decision.UNDECIDED


def test_against_the_base_a_first_training_is_promoted(anna: Store) -> None:
    def given(session: Session) -> None:
        voices.rollback(session, "anna")
        undecided(session, 3, 0)

    anna.write_now(given)
    for _ in range(ENOUGH):
        vote(anna, "b", a=0, b=3)
    assert became(anna, 3) == (Decision.PREFERRED, "promoted", 3)
    assert "preferred it to the base" in words(anna, 3)


def test_a_vote_taken_back_before_the_decision_counts_no_more(anna: Store) -> None:
    last = votes(anna, ["b"] * (ENOUGH - 1))
    answer = anna.write_now(listening.unrate, "anna", last.id)
    assert answer.sentence == "anna@2 won 6 of 6 blind votes: about 2 more like these would decide."
    vote(anna, "b")
    assert became(anna)[0] is Decision.UNDECIDED
    vote(anna, "b")
    assert became(anna)[0] is Decision.PREFERRED


@pytest.mark.parametrize(
    ("preferred", "decision", "sentence"),
    [
        (
            "b",
            Decision.PREFERRED,
            "The votes had decided before, and anna@2 speaks: `myna rollback anna` undoes that.",
        ),
        (
            "a",
            Decision.NOT_PREFERRED,
            "The votes had decided before: `myna promote anna@2` lets it speak all the same.",
        ),
    ],
)
def test_a_vote_taken_back_after_the_decision_undoes_nothing_and_says_so(
    anna: Store, preferred: str, decision: Decision, sentence: str
) -> None:
    last = votes(anna, [preferred] * ENOUGH)
    before = became(anna)
    assert anna.write_now(listening.unrate, "anna", last.id).sentence == sentence
    assert became(anna) == before
    assert before[0] is decision


def test_watchers_are_told_what_listeners_decided(anna: Store) -> None:
    cursor = anna.read_now(events.newest)
    votes(anna, ["a"] * ENOUGH)
    found, _ = anna.read_now(events.after, cursor, "anna")
    told = [event for event in found if event.HasField("version")]
    assert [event.version.decision for event in told] == [pb.DECISION_NOT_PREFERRED]


# ------------------------------------------------------------------------------------------------------------ waiting


def waiting(store: Store, home: Path, voice: str = "") -> list[pb.Undecided]:
    return store.read_now(listening.waiting, voice, home)


def test_what_waits_is_told_with_the_lines_that_both_spoke(anna: Store, tmp_path: Path) -> None:
    further = f"{sha('text')}.1"

    def given(session: Session) -> None:
        scoring = session.scalars(select(Evaluation)).one()
        more = {
            "name": further,
            "text": "Nobody said it.",
            "spoken": "samples/anna/2/f.wav",
            "spoken_by_parent": "samples/anna/1/f.wav",
        }
        scoring.report = {**scoring.report, "further": [more, {**more, "name": sha("other"), "spoken": ""}]}

    anna.write_now(given)
    for file in ("7/line 0.wav", "base/line 0.wav", "7/line 1.wav", "2/f.wav", "1/f.wav"):  # line 1: only one side
        (tmp_path / "samples/anna" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "samples/anna" / file).write_bytes(b"")
    (found,) = waiting(anna, tmp_path)
    assert (found.voice, found.listening.version, found.listening.against) == ("anna", 2, 1)
    assert [(line.name, line.text) for line in found.lines] == [
        (sha("line 0"), "line 0"),
        (further, "Nobody said it."),
    ]


def test_first_comes_what_waits_no_longer_soonest(anna: Store, tmp_path: Path) -> None:
    anna.write_now(lambda session: undecided(session, 3, 1, days_ago=6))
    assert [one.listening.version for one in waiting(anna, tmp_path, "anna")] == [3, 2]
    remaining = waiting(anna, tmp_path)[0].listening.until.ToDatetime(now().tzinfo) - now()
    assert timedelta(hours=23) < remaining < timedelta(hours=25)


def test_what_waited_too_long_or_was_judged_against_what_speaks_no_more_is_not_offered(
    anna: Store, tmp_path: Path
) -> None:
    anna.write_now(lambda session: undecided(session, 2, 1, days_ago=8))
    assert waiting(anna, tmp_path) == []
    assert told(anna).sentence == "Votes no longer promote anna@2 (0 : 0 blind): `myna promote anna@2` does."

    def patient(session: Session) -> None:
        session.get_one(Voice, "anna").options = {"promotion": {"listen_days": 30}}

    anna.write_now(patient)
    assert len(waiting(anna, tmp_path)) == 1
    anna.write_now(voices.promote, "anna", 3, voices.BY_PERSON)
    assert waiting(anna, tmp_path) == []


def test_what_nobody_asked_to_promote_is_not_offered(anna: Store, tmp_path: Path) -> None:
    """The trials of an experiment, say: there may be a dozen of them."""
    anna.write_now(undecided, 3, 1, asked=False)
    assert [one.listening.version for one in waiting(anna, tmp_path)] == [2]


def test_what_votes_decided_waits_no_more(anna: Store, tmp_path: Path) -> None:
    votes(anna, ["a"] * ENOUGH)
    assert waiting(anna, tmp_path) == []
