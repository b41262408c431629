"""What becomes of a voice that is only ever fed: a real mynad, its inbox, and drops of 45, 15, 30 and 60 recordings,
each with its text, by speakers that the embedded engine's base never heard (`synthesisers.py`). No hand touches
anything else. After each drop the version that speaks then says lines that were never dropped, and is held against the
recordings of them. Each drop is kept as it comes, so that a run that is cut short still tells.

python -m benchmarks.learning_curve [--speakers slt-low rms-deep] [--drops 45 15 30 60] [--tuning] [--kept FILE]
python -m benchmarks.learning_curve --tell     the bars of what build/learning-curve.jsonl holds, and no run
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

from benchmarks import bars, synthesisers
from benchmarks.unheard import Measure
from engines.glow.recipe.corpus import Speaker
from engines.metrics import intervals
from engines.metrics.rule import Rule
from engines.metrics.score import LineScores, Scores, summarise
from engines.metrics.summary import Summary
from engines.metrics.table import Metric
from proto import myna_pb2 as pb
from proto.client import Client, connect

ROOT = Path(__file__).resolve().parent.parent
#: What speaks after each drop, as it comes: one line a drop, the last of a speaker has them all.
KEPT = ROOT / "build" / "learning-curve.jsonl"
DROPS = (45, 15, 30, 60)
#: Lines that the figures are of; none of them is ever dropped. Of ten, two standard errors of a difference were 0.006
#: of likeness and 0.12 of WER, more than what an increment gains.
LINES = 20
WAY, WORDS = 0.75, 1.25  #: of the way from base to recordings in likeness; word errors, times the recordings'
#: Seconds without any job after which a drop is done with, and in which it must be.
QUIET, PATIENCE = 15.0, 7_200.0
SETTINGS = "settle = 1\nauto_train_quiet = 2\n"
LIVE = ("queued", "running", "paused")


@dataclass(frozen=True)
class Sound:
    """How one side says the lines."""

    likeness: float
    wer: float
    dnsmos: float

    @classmethod
    def of(cls, scores: Scores) -> Sound:
        found = scores.summary
        return cls(found.similarity or 0.0, found.wer or 0.0, found.dnsmos or 0.0)


@dataclass(frozen=True)
class After:
    """What speaks after a drop."""

    drop: int  #: recordings that were dropped
    version: int  #: 0: the base
    sound: Sound
    surely_less_clear: bool  #: than what spoke before the drop
    seconds: float  #: from the drop until nothing was left to do
    decisions: tuple[str, ...]  #: of the versions that the drop led to


@dataclass(frozen=True)
class Curve:
    """A speaker's, as far as it has come."""

    speaker: str
    drops: tuple[int, ...]  #: all that there are to be
    recordings: Sound
    base: Sound
    after: tuple[After, ...]

    def line(self) -> str:
        """For keeping; the inverse is `read`."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @property
    def end(self) -> Sound:
        return self.after[-1].sound if self.after else self.base

    @property
    def way(self) -> float:
        """Share of the way from the base's likeness to the recordings'."""
        return (self.end.likeness - self.base.likeness) / ((self.recordings.likeness - self.base.likeness) or 1e-9)

    @property
    def times(self) -> float:
        """Word errors, as a multiple of the recordings'."""
        return self.end.wer / (self.recordings.wer or 1e-9)

    @property
    def promotions(self) -> list[tuple[Sound, After]]:
        """(what spoke before, what took its place), of each drop after which another version speaks."""
        before = After(0, 0, self.base, False, 0.0, ())
        return [(one.sound, two) for one, two in pairwise([before, *self.after]) if one.version != two.version]


def read(path: Path) -> list[Curve]:
    """Curves that were kept, the last line of each speaker."""
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line)
    return list({one["speaker"]: _curve_of(one) for one in lines}.values())


def _curve_of(values: Mapping[str, Any]) -> Curve:
    after = [{**one, "sound": Sound(**one["sound"]), "decisions": tuple(one["decisions"])} for one in values["after"]]
    return Curve(
        values["speaker"],
        tuple(values["drops"]),
        Sound(**values["recordings"]),
        Sound(**values["base"]),
        tuple(After(**one) for one in after),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    known = {one.name: one for one in (*synthesisers.TUNING, *synthesisers.REPORTING)}
    parser.add_argument("--speakers", nargs="+", default=[], choices=sorted(known), help="these")
    parser.add_argument("--drops", type=int, nargs="+", default=list(DROPS))
    parser.add_argument("--tuning", action="store_true", help="speakers for trying, not those of the figures")
    parser.add_argument("--kept", type=Path, default=KEPT, help="where each drop is kept; those there stay")
    parser.add_argument("--tell", action="store_true", help="only the bars of what is kept")
    options = parser.parse_args()
    if options.tell:
        curves = read(options.kept)
        for curve in curves:
            _show(curve)
        _tell(curves)
        return 0
    if why := synthesisers.missing():
        print(why, file=sys.stderr)
        return 1
    usual = synthesisers.TUNING if options.tuning else synthesisers.REPORTING
    speakers = [known[name] for name in options.speakers] or list(usual)
    options.kept.parent.mkdir(exist_ok=True)
    began, curves = time.monotonic(), []
    for speaker in speakers:
        with options.kept.open("a", encoding="utf-8") as kept:
            for curve in _curve(speaker, options.drops):
                kept.write(curve.line() + "\n")
                kept.flush()
        curves.append(curve)
        _show(curve)
    _tell(curves)
    print(f"# {len(speakers)} speakers in {(time.monotonic() - began) / 60:.0f} min")
    return 0


def _curve(speaker: Speaker, drops: Sequence[int]) -> Iterator[Curve]:
    """The curve after each drop."""
    texts = synthesisers.texts(crc32(speaker.name.encode()), LINES + sum(drops))
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        measure = Measure(Path(folder), speaker, texts[:LINES])
        left, found = texts[LINES:], list[After]()
        before = measure.version(None)
        sides = Sound.of(measure.recordings()), Sound.of(before)
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
                number, sound = (speaks.number if speaks is not None else 0), Sound.of(scores)
                found.append(After(drop, number, sound, _surely_worse(before, scores), seconds, decisions))
                came = ", ".join(decisions) or "no version"
                told = f"likeness {sound.likeness:.3f}, WER {sound.wer:.3f}"
                print(f"# {speaker.name}: {drop} dropped; {came}; {number} speaks: {told}", flush=True)
                yield Curve(speaker.name, tuple(drops), *sides, tuple(found))
                before = scores


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


def _show(curve: Curve) -> None:
    """The curve as a table, in comment lines."""
    print(f"# {curve.speaker}: likeness, WER, DNSMOS on {LINES} lines that were never dropped")
    for name, of in (
        ("the recordings", curve.recordings),
        ("the base", curve.base),
        *((f"+{one.drop}: version {one.version} ({one.seconds:.0f} s)", one.sound) for one in curve.after),
    ):
        print(f"#   {name:28} {of.likeness:.3f}  {of.wer:.3f}  {of.dnsmos:.2f}", flush=True)


def _tell(curves: Sequence[Curve]) -> None:
    """The bars. A curve that is not at its end holds none that is of the end."""
    steps = [step for curve in curves for step in curve.promotions]
    lower = sum(after.sound.likeness < before.likeness for before, after in steps)
    worse = sum(after.surely_less_clear for _, after in steps)
    bars.tell("learning: promotions after which likeness is lower", f"{lower} of {len(steps)}", "0", not lower)
    bars.tell("learning: promotions after which WER is surely higher", f"{worse} of {len(steps)}", "0", not worse)
    whole = all(len(one.after) == len(one.drops) for one in curves)
    each = ", ".join(f"{len(one.promotions)} of {len(one.drops)}" for one in curves)
    every = whole and all(len(one.promotions) * 2 >= len(one.drops) for one in curves)
    bars.tell("learning: drops after which another version speaks", each, "every second one", every)
    said = ", ".join(f"{one.way:.0%}" for one in curves)
    near = whole and all(one.way >= WAY for one in curves)
    bars.tell("learning: way to the recordings' likeness", said, f"≥ {WAY:.0%} each", near)
    said = ", ".join(f"× {one.times:.2f}" for one in curves)
    clear = whole and all(one.times <= WORDS for one in curves)
    bars.tell("learning: WER beside the recordings'", said, f"≤ × {WORDS:g} each", clear)


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
