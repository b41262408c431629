"""Versions of different voices or engines side by side, on whatever both have said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import report, version

from daemon.database.comparison_rows import Comparison
from daemon.database.models import Evaluation, Job, Voice, now
from daemon.database.store import Store
from daemon.errors import BadRequest
from daemon.state import across, purgeable, sides, voice_life
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration
HOME = Path("/home/of/myna")


@pytest.fixture
def two(store: Store) -> Store:
    """anna@1 of glow and anna@2 of xtts; bob@1 of glow; ute, who speaks German."""

    def given(session: Session) -> None:
        for name, language in (("bob", "en"), ("ute", "de")):
            session.add(Voice(name=name, language=language, engine="glow", options={}, created=now()))
        session.flush()
        version(session, 1)
        version(session, 2, engine="xtts")
        version(session, 1, voice="bob")
        version(session, 1, voice="ute")

    store.write_now(given)
    return store


def evaluated(
    session: Session,
    voice: str,
    texts: list[str],
    scores: dict[str, float],
    *,
    number: int = 1,
    further: list[dict[str, Any]] | None = None,
    engine: str = "glow",
) -> None:
    """A scoring against the base, which has 0.9 wrong words on each line."""
    details = report(texts)
    for line in details["lines"]:
        line["scores"], line["parent_scores"] = scores, {"wer": 0.9}
    details |= {"further": further or [], "lineage": {"engine": engine}}
    session.add(
        Evaluation(
            voice=voice, version=number, against=0, job=0, metrics={}, against_metrics={}, recording_metrics={},
            report=details, better=True, verdict="It is better.", time=now(),
        )
    )  # fmt: skip


def compared(store: Store, a: tuple[str, int], b: tuple[str, int]) -> pb.CompareResponse:
    def ask(session: Session) -> pb.CompareResponse:
        one, other = sides.pair(session, a[0], a[1], b[1], b[0])
        assert sides.apart(one, other)
        return across.versions(session, one, other, HOME)

    return store.read_now(ask)


TEXTS = [f"the same line number {number}" for number in range(6)]


def test_two_voices_are_compared_on_the_texts_both_have_said(two: Store) -> None:
    def given(session: Session) -> None:
        evaluated(session, "anna", [*TEXTS, "only anna's"], {"wer": 0.10, "similarity": 0.80})
        evaluated(session, "bob", ["only bob's", *TEXTS], {"wer": 0.22, "similarity": 0.80})

    two.write_now(given)
    told = compared(two, ("anna", 1), ("bob", 1))
    assert told.ready
    assert [line.text for line in told.lines] == TEXTS
    by_name = {metric.name: metric for metric in told.metrics}
    wer = by_name["wer"]
    assert (wer.a, wer.b, wer.better) == (pytest.approx(0.10), pytest.approx(0.22), "a")
    assert (wer.low, wer.high) == (pytest.approx(0.12), pytest.approx(0.12))
    assert told.sentence == (
        "anna@1 is clearer than bob@1: WER 0.120 lower, surely; similarity cannot be told apart. Likeness, pitch and "
        "pace are each one's to its own recordings. On 6 lines that both have spoken; `myna compare anna@1 bob@1 "
        "--score` lets them speak more."
    )


def test_the_order_asked_for_is_the_order_answered(two: Store) -> None:
    def given(session: Session) -> None:
        evaluated(session, "anna", TEXTS, {"wer": 0.1, "dnsmos": 3.5, "similarity": 0.9})
        evaluated(session, "bob", TEXTS, {"wer": 0.3, "dnsmos": 3.0, "similarity": 0.7})

    two.write_now(given)
    told = compared(two, ("bob", 1), ("anna", 1))
    assert {metric.better for metric in told.metrics} == {"b"}
    assert told.sentence.startswith(
        "anna@1 is more faithful to its own recordings, clearer and cleaner than bob@1: similarity 0.200 higher, WER "
        "0.200 lower, DNSMOS 0.50 higher, surely."
    )


def test_texts_said_besides_the_held_out_ones_count_but_not_their_further_takes(two: Store) -> None:
    def line(name: str, wer: float) -> dict[str, Any]:
        files = {"spoken": "samples/x/1/f.wav", "spoken_by_parent": ""}
        return {"name": name, "text": "A further text.", **files, "scores": {"wer": wer}, "parent_scores": {"wer": 1.0}}

    def given(session: Session) -> None:
        evaluated(session, "anna", ["hers"], {"wer": 0.5}, further=[line("ab", 0.2), line("ab.1", 0.9)])
        evaluated(session, "bob", ["his"], {"wer": 0.5}, further=[line("ab", 0.4)])

    two.write_now(given)
    told = compared(two, ("anna", 1), ("bob", 1))
    (wer,) = told.metrics
    assert (wer.a, wer.b, wer.HasField("low")) == (pytest.approx(0.2), pytest.approx(0.4), False)
    assert told.sentence.startswith("anna@1 and bob@1 cannot be told apart by so few lines.")


def test_two_engines_of_one_voice_are_of_the_same_recordings(two: Store) -> None:
    def given(session: Session) -> None:
        evaluated(session, "anna", TEXTS, {"similarity": 0.70})
        evaluated(session, "anna", TEXTS, {"similarity": 0.75}, number=2, engine="xtts")

    two.write_now(given)
    told = compared(two, ("anna", 1), ("anna", 2))
    assert told.sentence.startswith("anna@2 is more faithful to the recordings than anna@1: similarity 0.050 higher")
    assert "its own" not in told.sentence


def test_the_base_is_that_of_the_voices_engine(two: Store) -> None:
    def given(session: Session) -> None:
        evaluated(session, "anna", TEXTS, {"wer": 0.1}, number=2, engine="xtts")
        evaluated(session, "bob", TEXTS, {"wer": 0.2})

    two.write_now(given)
    assert not compared(two, ("anna", 0), ("bob", 1)).ready, "what is kept is of the base of xtts"
    told = compared(two, ("anna", 2), ("bob", 0))
    assert (told.metrics[0].a, told.metrics[0].b) == (pytest.approx(0.1), pytest.approx(0.9))
    assert told.sentence.startswith("anna@2 is clearer than bob@base")


def test_with_nothing_in_common_the_answer_says_how_to_get_there(two: Store) -> None:
    two.write_now(lambda session: evaluated(session, "anna", TEXTS, {"wer": 0.1}))
    told = compared(two, ("anna", 1), ("bob", 1))
    assert not told.ready
    assert told.sentence == (
        "anna@1 and bob@1 have spoken no line in common yet. `myna compare anna@1 bob@1 --score` lets them speak the "
        "same texts, and compares them."
    )


def test_lines_heard_by_another_recogniser_do_not_count(two: Store) -> None:
    def given(session: Session) -> None:
        evaluated(session, "anna", TEXTS, {"wer": 0.1})
        evaluated(session, "bob", TEXTS, {"wer": 0.2})
        newest = session.scalars(select(Evaluation).order_by(Evaluation.id.desc())).first()
        assert newest is not None
        newest.report = {**newest.report, "recogniser": "heard by somebody else"}

    two.write_now(given)
    assert not compared(two, ("anna", 1), ("bob", 1)).ready


def test_two_languages_are_refused_in_a_sentence(two: Store) -> None:
    with pytest.raises(BadRequest, match="anna@1 speaks en and ute@1 speaks de: they have no text in common"):
        compared(two, ("anna", 1), ("ute", 1))


def comparison(session: Session) -> None:
    lines = [
        {
            "name": "ab",
            "text": text,
            "spoken": "samples/anna/1/ab.wav",
            "spoken_by_other": "samples/bob/1/ab.wav",
            "scores": {"wer": 0.1},
            "other_scores": {"wer": 0.3},
        }
        for text in TEXTS
    ]
    session.add(
        Comparison(
            voice="anna", version=1, other_voice="bob", other_version=1, job=7, time=now(),
            report={"recogniser": "somebody", "engines": ["glow", "glow"], "lines": lines},
        )
    )  # fmt: skip


def test_what_they_said_to_be_compared_counts_either_way_round(two: Store) -> None:
    two.write_now(comparison)
    one, other = (compared(two, ("anna", 1), ("bob", 1)), compared(two, ("bob", 1), ("anna", 1)))
    assert (one.metrics[0].better, other.metrics[0].better) == ("a", "b")
    assert other.lines[0].spoken_a == "/home/of/myna/samples/bob/1/ab.wav"


def test_a_renamed_voice_keeps_its_comparisons(two: Store) -> None:
    two.write_now(comparison)
    two.write_now(lambda session: voice_life.begin_rename(session, "bob", "rob"))
    two.write_now(lambda session: voice_life.end_rename(session, "rob"))
    told = compared(two, ("anna", 1), ("rob", 1))
    assert told.lines[0].spoken_b == "/home/of/myna/samples/rob/1/ab.wav"
    two.write_now(lambda session: voice_life.begin_rename(session, "anna", "hanna"))
    two.write_now(lambda session: voice_life.end_rename(session, "hanna"))
    assert compared(two, ("hanna", 1), ("rob", 1)).lines[0].spoken_a == "/home/of/myna/samples/hanna/1/ab.wav"


def test_texts_that_nobody_said_come_first_then_those_of_each_in_turn() -> None:
    assert across.texts(["new"], ["a1", "a2", "a3"], ["b1"], 9) == ["new", "a1", "b1", "a2", "a3"]
    assert across.texts(["new", "more"], ["a1"], ["b1"], 2) == ["new", "more"]
    assert across.texts([], ["a1", "both"], ["both"], 9) == ["a1", "both"]


def test_versions_that_a_comparison_waits_to_speak_are_not_purged(two: Store) -> None:
    spec = pb.JobSpec(evaluate=pb.EvaluateSpec(voice="anna", version=2, against=1, against_voice="bob"))

    def given(session: Session) -> Job:
        row = Job(
            kind="evaluate", voice="anna", title="compare", spec=spec.SerializeToString(), gpu_lane=True, priority=300,
            place=1.0, state="queued", submitted=now(), queued_since=now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row

    two.write_now(given)
    needed = {name: set(two.read_now(lambda s, of=name: purgeable.at_work(s, of))) for name in ("anna", "bob")}
    assert needed == {"anna": {2}, "bob": {1}}
