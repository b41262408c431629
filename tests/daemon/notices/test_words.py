"""Notices in words: each kind says what happened and what to do, and words of others stay words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from daemon.notices import words
from daemon.notices.outbox import Notice
from daemon.state.values import OccasionKind
from proto import myna_pb2 as pb

pytestmark = pytest.mark.unit
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
EURO = "€"


def notice(kind: OccasionKind, occasion: pb.Occasion | None = None, number: int = 1) -> Notice:
    usual = pb.Occasion(voice="anna", version=7, job=12, title="train anna", name="a.wav", why="It is no sound.")
    usual.error.sentence = "No memory."
    return Notice(number, kind, NOON, occasion or usual)


SAID = [
    (
        OccasionKind.PROMOTED,
        pb.Occasion(voice="anna", version=7, before=6, why="Promoted: it is better than anna@6."),
        "anna@7 speaks now, in place of version 6. Promoted: it is better than anna@6.",
    ),
    (OccasionKind.PROMOTED, pb.Occasion(voice="anna", rolled_back=True), "anna went back to the engine's base."),
    (
        OccasionKind.REJECTED,
        pb.Occasion(voice="anna", version=7, why="It is worse."),
        "anna@7 was not kept. It is worse.",
    ),
    (
        OccasionKind.UNDECIDED,
        pb.Occasion(voice="anna", version=7, hint="Listen."),
        "The scores leave anna@7 undecided. Listen.",
    ),
    (
        OccasionKind.FAILED,
        pb.Occasion(job=12, title="train anna", error=pb.JobError(sentence="No memory.", hint="Free some.")),
        "Job #12 failed (train anna): No memory. Free some.",
    ),
    (
        OccasionKind.DISK,
        pb.Occasion(free=400_000_000, floor=1_000_000_000),
        "0.4 GB are free on the disk of Myna's home, and 1.0 GB have to stay free (min_free_disk). Nothing is taken or "
        "trained until there is more.",
    ),
    (
        OccasionKind.BUDGET,
        pb.Occasion(
            voice="anna",
            share=0.8,
            month="2026-11",
            spent=pb.Money(amount=16, currency=EURO),
            budget=pb.Money(amount=20, currency=EURO),
            stops=True,
        ),
        "anna has used 80% of its budget for 2026-11: 16.00 € of 20.00 €. Its trainings wait until there is more.",
    ),
    (
        OccasionKind.LONG_RUN,
        pb.Occasion(job=12, title="train anna", seconds=11_400, expected_seconds=3_000),
        "Job #12 (train anna) has worked for 3 h 10 min, and 50 min were expected. `myna job 12` says what it does.",
    ),
    (
        OccasionKind.LONG_RUN,
        pb.Occasion(job=12, title="train anna", seconds=5_400, expected_seconds=3_000, why="Its steps are done."),
        "Job #12 (train anna) has worked for 1 h 30 min, and 50 min were expected. Its steps are done. `myna job 12` "
        "says what it does.",
    ),
    (OccasionKind.SHUTDOWN, pb.Occasion(count=2), "mynad ended in order. 2 jobs go on when it runs again."),
    (
        OccasionKind.SHUTDOWN,
        pb.Occasion(count=1, fell=True),
        "mynad ended because a part of it failed: log/mynad.log says why. 1 job goes on when it runs again.",
    ),
]


@pytest.mark.parametrize(("kind", "occasion", "said"), SAID)
def test_each_kind_says_what_happened(kind: OccasionKind, occasion: pb.Occasion, said: str) -> None:
    assert words.sentence(notice(kind, occasion)) == said


@pytest.mark.parametrize("kind", list(OccasionKind))
def test_every_kind_has_words_and_values(kind: OccasionKind) -> None:
    one = notice(kind)
    assert words.sentence(one).endswith(".")
    assert words.headline(one)
    values = words.values(one)
    assert (values["id"], values["kind"], values["sentence"]) == (1, kind.value, words.sentence(one))


def test_names_that_others_chose_call_nobody_and_format_nothing() -> None:
    name = "@everyone <!channel> *bold* `code` a|b\n\x1b[31m @here.wav"
    told = words.sentence(notice(OccasionKind.REFUSED, pb.Occasion(voice="anna", name=name, why="@all")))
    assert not any(sign in told for sign in ("@everyone", "@here", "@all", "<", ">", "*", "`", "|", "\n", "\x1b"))
    assert words.sentence(notice(OccasionKind.REFUSED, pb.Occasion(name="anna@7.wav"))).startswith("anna@7.wav")


def test_a_message_says_how_urgent_it_looks_and_when_what_happened() -> None:
    promoted, failed = notice(OccasionKind.PROMOTED), notice(OccasionKind.FAILED, number=2)
    assert words.level([promoted]) == "success"
    assert words.level([promoted, failed]) == "failure"
    assert words.level([notice(OccasionKind.SHUTDOWN)]) == "info"
    assert words.title([promoted], "box") == "Myna on box: anna@7 speaks now"
    assert words.title([promoted, failed], "box") == "Myna on box: 2 notices"
    lines = words.body([promoted, failed], UTC).splitlines()
    assert [line[:14] for line in lines] == ["30 Nov 12:00  "] * 2
