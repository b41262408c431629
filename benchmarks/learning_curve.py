"""What becomes of a voice that is only ever fed: a real mynad, its inbox, and drops of 45, 15, 30 and 60 recordings,
each with its text, by speakers that the embedded engine's base never heard (`synthesisers.py`). No hand touches
anything else. After each drop the version that speaks then says lines that were never dropped, and is held against the
recordings of them.

python -m benchmarks.learning_curve [--speakers 4] [--drops 45 15 30 60] [--tuning]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zlib import crc32

from benchmarks import bars, synthesisers
from benchmarks.unheard import Measure, way
from engines.glow.recipe.corpus import Speaker
from engines.metrics import intervals
from engines.metrics.rule import Rule
from engines.metrics.score import LineScores, Scores, summarise
from engines.metrics.summary import Summary
from engines.metrics.table import Metric
from proto import myna_pb2 as pb
from proto.client import Client, connect

ROOT = Path(__file__).resolve().parent.parent
DROPS = (45, 15, 30, 60)
#: Lines that the figures are of; none of them is ever dropped.
LINES = 10
WAY, WORDS = 0.75, 1.25  #: of the way from base to recordings in likeness; word errors, times the recordings'
#: Seconds without any job after which a drop is done with, and in which it must be.
QUIET, PATIENCE = 15.0, 1_800.0
SETTINGS = "settle = 1\nauto_train_quiet = 2\n"
LIVE = ("queued", "running", "paused")


@dataclass(frozen=True)
class After:
    """What speaks after a drop."""

    drop: int  #: recordings that were dropped
    version: int  #: 0: the base
    scores: Scores
    seconds: float  #: from the drop until nothing was left to do
    decisions: tuple[str, ...]  #: of the versions that the drop led to


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--speakers", type=int, default=4)
    parser.add_argument("--drops", type=int, nargs="+", default=list(DROPS))
    parser.add_argument("--tuning", action="store_true", help="speakers for trying, not those of the figures")
    options = parser.parse_args()
    if why := synthesisers.missing():
        print(why, file=sys.stderr)
        return 1
    speakers = (synthesisers.TUNING if options.tuning else synthesisers.REPORTING)[: options.speakers]
    began = time.monotonic()
    curves = []
    for speaker in speakers:
        curves.append(_curve(speaker, options.drops))
        _show(speaker, *curves[-1])
    _tell(curves, options.drops)
    print(f"# {len(speakers)} speakers in {(time.monotonic() - began) / 60:.0f} min")
    return 0


def _curve(speaker: Speaker, drops: Sequence[int]) -> tuple[Scores, Scores, list[After]]:
    """(the recordings' own scores, the base's, what speaks after each drop)."""
    texts = synthesisers.texts(crc32(speaker.name.encode()), LINES + sum(drops))
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        measure = Measure(Path(folder), speaker, texts[:LINES])
        left, found = texts[LINES:], list[After]()
        home = Path(folder) / "home"
        with _daemon(home) as client:
            for drop in drops:
                now, left = left[:drop], left[drop:]
                known = {one.number for one in _versions(client, speaker)}
                began = time.monotonic()
                _drop(home / "inbox" / speaker.name, speaker, now)
                _settled(client, speaker.name, sum(drops) - len(left))
                seconds = time.monotonic() - began
                versions = list(_versions(client, speaker))
                speaks = next((one for one in versions if one.state == "promoted"), None)
                decisions = tuple(f"{one.number}: {one.state}" for one in versions if one.number not in known)
                scores = measure.version(Path(speaks.path) if speaks is not None else None)
                number = speaks.number if speaks is not None else 0
                found.append(After(drop, number, scores, seconds, decisions))
                told = f"{scores.summary.similarity or 0:.3f}, WER {scores.summary.wer or 0:.3f}"
                came = ", ".join(decisions) or "no version"
                print(f"# {speaker.name}: {drop} dropped; {came}; {number} speaks: likeness {told}", flush=True)
        return measure.recordings(), measure.version(None), found


@contextmanager
def _daemon(home: Path) -> Iterator[Client]:
    home.mkdir()
    (home / "myna.toml").write_text(SETTINGS, encoding="utf-8")
    with (home.parent / "mynad.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon.main"],
            env={**os.environ, "MYNA_HOME": str(home)},
            stdout=log,
            stderr=log,
            cwd=ROOT,
        )
        client = connect(home=home)
        try:
            client.wait_ready(60.0)
            yield client
        finally:
            client.close()
            process.terminate()
            process.wait(90)


def _versions(client: Client, speaker: Speaker) -> list[pb.Version]:
    """None before the voice is known."""
    return list(client.versions(speaker.name)) if speaker.name in {one.name for one in client.voices()} else []


def _drop(inbox: Path, speaker: Speaker, texts: Sequence[str]) -> None:
    """Put recordings with their texts into a voice's inbox: texts first, so that none is taken without."""
    inbox.mkdir(parents=True, exist_ok=True)
    for text in texts:
        name = f"{crc32(text.encode()):08x}"
        (inbox / f"{name}.txt").write_text(text, encoding="utf-8")
        synthesisers.write(inbox / f"{name}.flac", synthesisers.said(speaker, text))


def _settled(client: Client, voice: str, recordings: int) -> None:
    """Wait until all recordings are taken and no job of the voice has been left for a while. Raises SystemExit when
    that takes too long."""
    began = quiet = time.monotonic()
    while time.monotonic() - quiet < QUIET:
        if time.monotonic() - began > PATIENCE:
            raise SystemExit(f"{voice} was not done with its recordings after {PATIENCE:.0f} s.")
        time.sleep(1.0)
        here = voice in {one.name for one in client.voices()}
        taken = len(list(client.recordings(voice))) if here else 0
        if taken < recordings or any(client.jobs(voice=voice, states=LIVE)):
            quiet = time.monotonic()


def _show(speaker: Speaker, recordings: Scores, base: Scores, curve: Sequence[After]) -> None:
    """The curve as a table, in comment lines."""
    print(f"# {speaker.name}: likeness, WER, DNSMOS on {LINES} lines that were never dropped")
    for name, scores in (
        ("the recordings", recordings),
        ("the base", base),
        *((f"+{one.drop}: version {one.version} ({one.seconds:.0f} s)", one.scores) for one in curve),
    ):
        of = scores.summary
        print(f"#   {name:28} {of.similarity or 0:.3f}  {of.wer or 0:.3f}  {of.dnsmos or 0:.2f}", flush=True)


def _tell(curves: Sequence[tuple[Scores, Scores, list[After]]], drops: Sequence[int]) -> None:
    """The bars."""
    steps = [
        (before, after)
        for _, base, curve in curves
        for before, after in pairwise([base, *(one.scores for one in curve)])
        if before is not after
    ]
    lower = sum((after.summary.similarity or 0) < (before.summary.similarity or 0) for before, after in steps)
    worse = sum(_surely_worse(before, after) for before, after in steps)
    took = [len({one.version for one in curve} - {0}) for _, _, curve in curves]
    every = sum(count * 2 >= len(drops) for count in took)
    ways = [way(base.summary, recordings.summary, curve[-1].scores.summary) for recordings, base, curve in curves]
    words = [(curve[-1].scores.summary.wer or 0) / (own.summary.wer or 1e-9) for own, _, curve in curves]
    count = len(curves)
    bars.tell("learning: promotions after which likeness is lower", f"{lower} of {len(steps)}", "0", not lower)
    bars.tell("learning: promotions after which WER is surely higher", f"{worse} of {len(steps)}", "0", not worse)
    each = ", ".join(f"{one} of {len(drops)}" for one in took)
    bars.tell("learning: drops after which another version speaks", each, "every second one", every == count)
    said = ", ".join(f"{one:.0%}" for one in ways)
    bars.tell("learning: way to the recordings' likeness", said, f"≥ {WAY:.0%} each", all(one >= WAY for one in ways))
    said = ", ".join(f"× {one:.2f}" for one in words)
    bars.tell("learning: WER beside the recordings'", said, f"≤ × {WORDS:g} each", all(one <= WORDS for one in words))


def _surely_worse(before: Scores, after: Scores) -> bool:
    """Whether word errors rose, by all that their interval leaves open."""

    def summary(lines: Sequence[LineScores]) -> Summary:
        return summarise(lines, "recogniser", "low")

    sides = [[[line] for line in one.lines] for one in (after, before)]
    spread = intervals.paired(sides[0], sides[1], summary, lambda mine, theirs: 0.0, Rule().confidence)
    sure = spread.metrics.get(Metric.WER)
    return sure is not None and sure.low > 0


if __name__ == "__main__":
    raise SystemExit(main())
