"""What `make bench-learning` says of a voice that was fed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import learning_curve, run
from benchmarks.learning_curve import After, Curve, Sound
from engines.metrics.score import LineScores, Scores, SpokenLine, summarise

pytestmark = pytest.mark.unit


def scores(similarity: float, wer: float) -> Scores:
    line = SpokenLine("A line.", Path("spoken.wav"), Path("recording.wav"))
    lines = tuple(LineScores(line, wer=wer, similarity=similarity, words=5, chars=7) for _ in range(10))
    return Scores(lines, summarise(lines, "pocketsphinx", "low"))


RECORDINGS, BASE = scores(0.95, 0.2), scores(0.55, 0.5)


def curve(after: list[tuple[int, Scores]], drops: int = 0) -> Curve:
    """Of what speaks after each drop; `drops`: that there are to be, if more."""
    found, before = list[After](), BASE
    for version, of in after:
        worse = learning_curve._surely_worse(before, of)
        found.append(After(30, version, Sound.of(of), worse, 100.0, (f"{version}: promoted",)))
        before = of
    return Curve("slt", (30,) * (drops or len(after)), Sound.of(RECORDINGS), Sound.of(BASE), tuple(found))


def told(one: Curve, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Whether each bar holds, by its name's end."""
    learning_curve._show(one)
    learning_curve._tell([one])
    rows = (run.parse("learning_curve", line) for line in capsys.readouterr().out.splitlines())
    return {row.name.split()[-1]: row.verdict for row in rows if row is not None}


def test_a_voice_that_gets_better_drop_by_drop_holds_every_bar(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = scores(0.80, 0.3), scores(0.90, 0.22)
    assert set(told(curve([(1, one), (1, one), (2, two), (2, two)]), capsys).values()) == {"holds"}


def test_each_bar_falls_short_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    best = scores(0.90, 0.22)
    less_like = told(curve([(1, scores(0.92, 0.22)), (2, best)]), capsys)
    assert [name for name, verdict in less_like.items() if verdict != "holds"] == ["lower"]
    unclear = told(curve([(1, scores(0.86, 0.1)), (2, best)]), capsys)
    assert [name for name, verdict in unclear.items() if verdict != "holds"] == ["higher"]
    stuck = told(curve([(1, best)] * 4), capsys)
    assert [name for name, verdict in stuck.items() if verdict != "holds"] == ["speaks"]
    far = told(curve([(1, scores(0.80, 0.3))]), capsys)
    assert [name for name, verdict in far.items() if verdict != "holds"] == ["likeness", "recordings'"]


def test_a_curve_that_was_cut_short_tells_what_it_has_and_holds_no_bar_of_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = scores(0.90, 0.22)
    whole, short = curve([(1, best), (2, scores(0.92, 0.21))]), curve([(1, best)], drops=2)
    kept = tmp_path / "kept.jsonl"
    kept.write_text(f"{short.line()}\n{whole.line()}\n", encoding="utf-8")
    assert learning_curve.read(kept) == [whole], "the last line of a speaker has all"
    verdicts = told(short, capsys)
    assert [name for name, verdict in verdicts.items() if verdict != "holds"] == ["speaks", "likeness", "recordings'"]
