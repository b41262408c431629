"""Is the verdict right on cases whose answer is known? Faults are planted in what one side says (`planted_sound.py`)
and in what a version is trained on (`planted_training.py`), and Myna's own judge decides. Each fault is judged as a
regression, and the other way round as an improvement; sides that differ by their seeds only are judged, too.

What is planted is fixed, and all of it is reported. Figures are of voices on which nothing was tried.

python -m benchmarks.verdict_planted [--only sound|training] [--seeds 2] [--equal 18] [--processes 2] [--tuning]
python -m benchmarks.verdict_planted --tell     the table of what build/verdict-planted.jsonl holds, and no run
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from benchmarks import planted_sound, planted_training, synthesisers
from benchmarks.planted_trials import Trial, read, tell

#: Trials as they come, so that a run that is cut short still tells.
KEPT = Path(__file__).resolve().parent.parent / "build" / "verdict-planted.jsonl"
#: Rows of the base's speaker table that are run; the other reporting rows are spares.
ROWS = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("sound", "training"), default="")
    parser.add_argument("--seeds", type=int, default=2, help="times that each fault is planted in a voice's sound")
    parser.add_argument("--equal", type=int, default=18, help="equal pairs a voice")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--tuning", action="store_true", help="the voices for trying, instead of those of the figures")
    parser.add_argument("--tell", action="store_true", help="only the table of the trials that are kept")
    parser.add_argument("--kept", type=Path, default=KEPT, help="where trials are kept")
    options = parser.parse_args()
    if not options.tell:
        began = time.monotonic()
        if why := synthesisers.missing():
            print(f"# no faults are planted in training data: {why}")
        work = [*_trainings(options), *_sounds(options)]
        options.kept.parent.mkdir(exist_ok=True)
        options.kept.write_text("", encoding="utf-8")
        _run(work, options.processes, options.kept)
        print(f"# the whole run took {(time.monotonic() - began) / 60:.0f} min in {options.processes} processes")
    tell(read(options.kept))
    return 0


def _sounds(options: argparse.Namespace) -> Iterator[Any]:
    """A call for each voice of the base; each yields trials."""
    rows = planted_sound.TUNING if options.tuning else planted_sound.REPORTING
    if options.only != "training":
        yield from (partial(planted_sound.trials, row, options.seeds, options.equal) for row in rows[:ROWS])


def _trainings(options: argparse.Namespace) -> Iterator[Any]:
    """A call for each voice that is trained; none where the synthesisers are missing."""
    voices = synthesisers.TUNING if options.tuning else synthesisers.REPORTING
    if options.only != "sound" and not synthesisers.missing():
        yield from (partial(planted_training.trials, voice) for voice in voices[: planted_training.VOICES])


def _run(work: list[Any], processes: int, kept: Path) -> None:
    """Do the work in so many processes, and keep each trial as it comes."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(processes, context) as pool:
        queue = manager.Queue()
        keeper = Thread(target=_keep, args=(queue, kept))
        keeper.start()
        try:
            minutes = [one.result() / 60 for one in [pool.submit(_each, call, queue) for call in work]]
            print(f"# CPU minutes of each voice: {', '.join(f'{one:.0f}' for one in minutes)}", flush=True)
        finally:
            queue.put(None)
            keeper.join()


def _each(call: Any, queue: Any) -> float:
    """Do one voice's trials; the CPU seconds that took."""
    began = time.process_time()
    for trial in call():
        queue.put(trial)
    return time.process_time() - began


def _keep(queue: Any, kept: Path) -> None:
    """Write down what comes, until None does."""
    with kept.open("a", encoding="utf-8") as file:
        while (trial := queue.get()) is not None:
            file.write(trial.line() + "\n")
            file.flush()
            print(f"# {_short(trial)}", flush=True)


def _short(trial: Trial) -> str:
    named = "" if trial.named is not False else " (not named)"
    return f"{trial.voice}, {trial.aim}, {trial.name}: {trial.outcome}{named}"


if __name__ == "__main__":
    raise SystemExit(main())
