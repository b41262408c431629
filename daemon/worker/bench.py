"""What speaks and listens in a worker, for an evaluation or a training: one speaker after the other says lines, a
recogniser listens, and what was spoken or scored before is taken from there."""

from __future__ import annotations

import gc
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from daemon.worker import spoken
from daemon.worker.job import Channel
from daemon.worker.spoken import NOWHERE, Speaker
from engines import device
from engines.base import Clip, Learns, Speaks, TrainableModel
from engines.files import write_whole
from engines.metrics.score import LineScores, Scores, score_lines
from engines.training import memory
from engines.transcription.choose import Choice
from proto import worker_pb2 as wire


class Steps:
    """Counts lines for the progress bar."""

    def __init__(self, channel: Channel, total: int) -> None:
        self._channel, self._total, self._done, self._began = channel, total, 0, time.monotonic()
        self._sentence, self._left = "", 0.0

    def begin(self, sentence: str) -> None:
        """What is done from now on, told at once: the first line may be minutes away."""
        self._sentence = sentence
        self._tell()

    def more(self, count: int) -> None:
        """So many lines more are to be spoken or heard."""
        self._total += count

    def one(self, count: int = 1) -> None:
        self._done += count
        self._left = (time.monotonic() - self._began) / self._done * (self._total - self._done)
        self._tell()

    def _tell(self) -> None:
        self._channel.progress(self._done, self._total, "lines", self._sentence, self._left)


class Bench:
    """Speaks and scores lines of one evaluation."""

    def __init__(
        self,
        engine: Learns,
        voice: Speaks,
        language: str,
        recorded: Speaker,
        held_out: Sequence[Clip],
        reference: Sequence[Clip],
        channel: Channel,
        steps: Steps,
    ) -> None:
        """`voice`: the same engine as it speaks. `recorded`: the recordings of the `held_out` lines. `reference`: clips
        that the base starts from."""
        self.language, self.held_out, self.steps = language, held_out, steps
        self._engine, self._voice, self._recorded = engine, voice, recorded
        self._reference, self._channel = reference, channel
        self._choice: Choice | None = None

    def hear_with(self, choice: Choice) -> None:
        """Which recogniser listens from now on."""
        self._choice = choice

    @property
    def recogniser(self) -> tuple[str, str]:
        """Name and trust of what listens; empty where nothing does."""
        heard_by = self._choice.transcriber if self._choice is not None else None
        return (heard_by.name, heard_by.trust) if heard_by is not None else ("", "")

    @property
    def hears_without_gpu(self) -> bool:
        """Whether the GPU is of no use for listening, but for speaking: then all is spoken first. Where there is no
        GPU, the lane stands for the CPU, which is still needed."""
        return device.device() != "cpu" and self._choice is not None and self._choice.device == "cpu"

    def leave_the_gpu(self) -> None:
        """All is spoken, and the rest is done on the CPU: the next job gets the GPU."""
        if self.hears_without_gpu:
            gc.collect()  # a model may be part of a circle
            memory.release(device.torch_device())
            self._channel.report(wire.Report(lane_free=wire.LaneFree()))

    @contextmanager
    def loaded(self, who: Speaker) -> Iterator[Callable[[], TrainableModel]]:
        """Its model, loaded when it is first asked for, and gone after."""
        found: list[TrainableModel] = []

        def model() -> TrainableModel:
            if not found:
                self._channel.log("info", f"Loads {who.title}.")
                self.steps.begin(f"loading {who.title}")
                reference = () if who.version else self._reference
                found.append(self._engine.load(who.version, device=device.device(), reference=reference))
                self.steps.begin(f"{who.title} speaks")
            return found[0]

        yield model
        found.clear()

    def speak(
        self,
        who: Speaker,
        model: Callable[[], TrainableModel],
        clips: Sequence[Clip],
        take: int = 0,
        within: Callable[[], None] | None = None,
    ) -> None:
        """Have one speaker's take of the lines on disk. `within`: as `spoken.speak_all` has it."""
        self.steps.begin(f"{who.title} speaks")
        now = spoken.speak_all(self._voice, model, who, clips, self._channel, self.steps.one, take, within)
        kept = len(clips) - now
        self._channel.log("info", f"{who.title}: {now} lines spoken, {kept} were there from before.")

    def score(self, who: Speaker, clips: Sequence[Clip], take: int = 0) -> Scores:
        """Scores of a take of the lines, from before if nothing changed."""
        self.steps.begin(f"listening to {who.title}")
        recogniser = self._choice.transcriber if self._choice is not None else None
        name = f"{recogniser.name} {recogniser.trust}" if recogniser is not None else "none"
        lines = spoken.lines(who, self._recorded, clips, take)
        beside = self.held_out if any(clip.path == NOWHERE for clip in clips) else ()
        kept, path = spoken.scored_before(who, clips, name, take, beside)
        if kept:
            self.steps.one(len(clips))
            return spoken.scores_from_json(kept, lines)
        heard = spoken.HeardLines(path, lines)

        def on_scored(number: int, scored: LineScores) -> None:
            if heard.known(number) is None:
                heard.keep(number, scored)
                self._channel.lasting()
            self.steps.one()
            self._channel.check()

        recordings = [self._recorded.wav(clip) for clip in self.held_out]
        scores = score_lines(
            lines,
            recogniser,
            language=self.language,
            recordings=recordings if beside else (),
            known=heard.known,
            on_scored=on_scored,
        )
        write_whole(path, json.dumps(finite(spoken.scores_to_json(scores))).encode(), "the scores")
        heard.forget()
        return scores


def finite(values: Any) -> Any:
    """For JSON, which knows no infinity and no NaN: those become null."""
    if isinstance(values, dict):
        return {name: finite(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [finite(value) for value in values]
    if isinstance(values, float) and not math.isfinite(values):
        return None
    return values
