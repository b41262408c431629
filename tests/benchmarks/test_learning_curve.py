"""What `make bench-learning` says of a voice that was fed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import learning_curve, run, synthesisers
from benchmarks.learning_curve import After
from engines.metrics.score import LineScores, Scores, SpokenLine, summarise

pytestmark = pytest.mark.unit


def scores(similarity: float, wer: float) -> Scores:
    line = SpokenLine("A line.", Path("spoken.wav"), Path("recording.wav"))
    lines = tuple(LineScores(line, wer=wer, similarity=similarity, words=5, chars=7) for _ in range(10))
    return Scores(lines, summarise(lines, "pocketsphinx", "low"))


RECORDINGS, BASE = scores(0.95, 0.2), scores(0.55, 0.5)


def told(curve: list[tuple[int, Scores]], capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Whether each bar holds, by its name's end."""
    afters = [After(30, version, of, 100.0, ()) for version, of in curve]
    learning_curve._show(synthesisers.TUNING[0], RECORDINGS, BASE, afters)
    learning_curve._tell([(RECORDINGS, BASE, afters)], [30] * len(curve))
    rows = (run.parse("learning_curve", line) for line in capsys.readouterr().out.splitlines())
    return {row.name.split()[-1]: row.verdict for row in rows if row is not None}


def test_a_voice_that_gets_better_drop_by_drop_holds_every_bar(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = scores(0.80, 0.3), scores(0.90, 0.22)
    assert set(told([(1, one), (1, one), (2, two), (2, two)], capsys).values()) == {"holds"}


def test_each_bar_falls_short_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    best = scores(0.90, 0.22)
    less_like = told([(1, scores(0.92, 0.22)), (2, best)], capsys)
    assert [name for name, verdict in less_like.items() if verdict != "holds"] == ["lower"]
    unclear = told([(1, scores(0.86, 0.1)), (2, best)], capsys)
    assert [name for name, verdict in unclear.items() if verdict != "holds"] == ["higher"]
    stuck = told([(1, best)] * 4, capsys)
    assert [name for name, verdict in stuck.items() if verdict != "holds"] == ["speaks"]
    far = told([(1, scores(0.80, 0.3))], capsys)
    assert [name for name, verdict in far.items() if verdict != "holds"] == ["likeness", "recordings'"]
