"""A text read aloud: sentences decoded side by side, the one that is next to be heard turned into sound as its codes
come.

The first sentence starts alone, so that its first sound comes soon; then others join it, since a step for four costs
little more than a step for one. Sound that went out stays: a take that breaks is said again from there, with other
luck; a sentence nobody has heard yet is looked at whole, and said again from its start.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from engines.autoregressive import graphs, takes
from engines.autoregressive.config import GenerationConfig
from engines.autoregressive.decode import Batch, Decoder, Frame, Frames, Next, Said
from engines.autoregressive.sampling import draw
from engines.autoregressive.speculative import Speculative

log = logging.getLogger("engines.speaking")

#: Codes of the first chunk (at XTTS's 21.5 a second 0.23 s, of which its vocoder keeps the last 0.14 s back), and how
#: chunks grow up to the longest.
FIRST_CHUNK, GROWTH, LONGEST_CHUNK = 5, 1.6, 40


class Vocoder(Protocol):
    """A vocoder in the middle of one take."""

    def __call__(self, latents: torch.Tensor, *, last: bool) -> torch.Tensor:
        """Sound (samples,) float32 that the next latents (n, channels) make sure; with `last`, all that is left."""
        ...


class Voice(Protocol):
    """One voice of one model, for one request."""

    @property
    def decoder(self) -> Decoder: ...

    @property
    def draft(self) -> Decoder | None:
        """Guesses ahead of it, where that pays."""
        ...

    @property
    def frames(self) -> Frames | None:
        """What draws, where a step says more than one code."""
        ...

    @property
    def conditioning(self) -> torch.Tensor:
        """As `Decoder.prefix` takes it."""
        ...

    @property
    def sample_rate(self) -> int:
        """Of the sound, Hz."""
        ...

    def vocoder(self) -> Vocoder:
        """A fresh one, for a take."""
        ...

    def similarity(self, samples: torch.Tensor) -> float:
        """Cosine of sound (n,) and the voice; 0 for what is too short to tell."""
        ...


@dataclass(eq=False)
class Sentence:
    """A sentence to be said, with its takes so far."""

    index: int
    text: str
    language: str  #: ISO 639-1
    tokens: list[int]
    length: takes.Length
    takes: list[Take] = field(default_factory=list)  #: those under way or finished
    tried: int = 0
    chosen: Take | None = None  #: the one that is heard


@dataclass(eq=False)
class Take:
    """One try at a sentence."""

    sentence: Sentence
    generator: torch.Generator
    seen: torch.Tensor  #: (codes,) bool: said, or counted as said
    codes: list[int] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)  #: the same, each as the decoder embeds it
    latents: list[torch.Tensor] = field(default_factory=list)  #: (channels,) each, one a code
    logits: torch.Tensor | None = None  #: of the next code, (codes,); on the CPU where a step says one code
    latent: torch.Tensor | None = None  #: of the next code
    finished: bool = False
    stopped: bool = False  #: by the stop code
    fault: str = ""
    score: float = 0.0
    vocoder: Vocoder | None = None
    sent: int = 0  #: latents that the vocoder has
    samples: NDArray[np.float32] | None = None  #: of a take that was vocoded whole


class Synthesis:
    """One request, on its way. Iterate over `sound()` once."""

    def __init__(self, voice: Voice, sentences: Sequence[Sentence], config: GenerationConfig, seed: int) -> None:
        self.voice, self.decoder, self.config, self.seed = voice, voice.decoder, config, seed
        self.sentences = sentences
        self._whole = config.listen or config.best_of > 1  #: nothing goes out before it was judged
        with torch.inference_mode():
            self._steps = graphs.captures(voice.decoder, voice.conditioning, voice.frames)
            self._batch = Batch(voice.decoder, voice.conditioning, self._steps)
        self._speculative = None if voice.draft is None else Speculative(self._batch, voice.draft, config.sampling)
        self._live: list[Take] = []  #: by row of the batch
        self._waiting: deque[Take] = deque()
        self._pending: deque[Sentence] = deque(sentences)
        self._chunk = float(FIRST_CHUNK)
        self._heard = False  #: whether sound has gone out

    def sound(self) -> Iterator[tuple[Sentence, NDArray[np.float32], bool]]:
        """(sentence, samples that follow, whether they are its last), in order."""
        self._begin(self._pending.popleft())
        for sentence in self.sentences:
            while (
                sentence.chosen is None
                or not sentence.chosen.finished
                or sentence.chosen.sent < len(sentence.chosen.latents)
            ):
                with torch.inference_mode():
                    samples, last = self._sound_of(sentence)
                if samples is not None:
                    self._heard = self._heard or len(samples) > 0
                    yield sentence, samples, last
                    continue
                with torch.inference_mode():
                    self._step(alone=not self._heard and sentence is self.sentences[0] and not self._whole)

    def _begin(self, sentence: Sentence) -> None:
        """Have another take, or as many as were asked for, wait for a place."""
        for _ in range(self.config.best_of if not sentence.tried else 1):
            generator = torch.Generator()
            generator.manual_seed(
                (self.seed + 0x9E3779B97F4A7C15 * sentence.index + 0xC2B2AE3D27D4EB4F * sentence.tried) % 2**63
            )
            sentence.tried += 1
            seen = torch.zeros(self.decoder.n_codes, dtype=torch.bool)
            seen[list(self.decoder.counted)] = True
            take = Take(sentence, generator, seen)
            sentence.takes.append(take)
            self._waiting.append(take)
        if self.config.best_of == 1:
            sentence.chosen = sentence.takes[-1]

    def _step(self, *, alone: bool) -> None:
        """One more code for every row. What follows it is computed when there is to be another: sound of what was said
        does not wait for that."""
        joining = self._joining(alone=alone)
        if self._live:
            self._advance(alone=not joining)
        if joining:
            self._forget()
            prompts = [self.decoder.prompt(take.sentence.tokens, take.frames) for take in joining]
            self._live += joining
            self._hand_out(joining, *self._batch.join(prompts))
        self._say()

    def _joining(self, *, alone: bool) -> list[Take]:
        """Who takes the free rows of the batch."""
        while (
            not alone
            and self._pending
            and len(self._live) + len(self._waiting) + self.config.best_of <= self.config.batch
        ):
            self._begin(self._pending.popleft())
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), self.config.batch - len(self._live)))]

    def _advance(self, *, alone: bool) -> None:
        """What follows the code that every row said last; guessed ahead, where that pays and no row is about to
        come."""
        if self._speculative is not None and len(self._live) == 1:
            [take] = self._live
            left = take.sentence.length.longest - len(take.codes) if alone else 1
            if not self._heard and not self._whole:  # the first sound waits for no guess that it does not take
                left = min(left, math.ceil(self._chunk) - (len(take.latents) - take.sent))
            self._hand_out([take], *self._speculative.after(take.codes, take.seen, take.generator, left))
        else:
            positions = [len(take.codes) for take in self._live]
            self._hand_out(self._live, *self._batch.step([take.frames[-1] for take in self._live], positions))

    def _say(self) -> None:
        """Draw a code for every row, and let those leave that came to their end."""
        stop, frames = self.decoder.stop, self.voice.frames
        drawn = list(map(self._draw, self._live)) if frames is None else self._frames(frames)
        for take, said in zip(self._live, drawn, strict=True):
            take.codes.append(said.code)
            take.frames.append(said.frame)
            take.latents.append(said.latent)
            take.seen[said.code] = True
            take.stopped = said.code == stop
            take.finished = take.stopped or len(take.codes) >= take.sentence.length.longest
        for row in reversed(range(len(self._live))):
            if self._live[row].finished:
                self._forget()
                self._batch.leave(row)
                self._ended(self._live.pop(row))

    def _draw(self, take: Take) -> Said:
        """The next code, where there is one a step."""
        assert take.logits is not None
        assert take.latent is not None
        code = draw(take.logits, take.seen, self.config.sampling, self.decoder.stop, take.generator)
        return Said(code, code, take.latent)

    def _frames(self, frames: Frames) -> Sequence[Said]:
        """The next frame of every row."""
        following = Next(
            torch.stack([take.logits for take in self._live if take.logits is not None]),
            torch.stack([take.latent for take in self._live if take.latent is not None]),
        )
        asked = frames.ask(following, [take.frames for take in self._live], [take.generator for take in self._live])
        drawn = None if self._steps is None else self._steps.frames(frames, asked)
        return frames.made(frames.draw(*asked) if drawn is None else drawn)

    def _forget(self) -> None:
        """Drop what the draft has guessed: rows are about to come or go."""
        if self._speculative is not None:
            self._speculative.forget()

    def _hand_out(self, rows: Sequence[Take], logits: torch.Tensor, latents: torch.Tensor) -> None:
        here = logits.float().cpu() if self.voice.frames is None else logits  # whoever draws frames reads them there
        for take, row, latent in zip(rows, here, latents, strict=True):
            take.logits, take.latent = row, latent

    def _ended(self, take: Take) -> None:
        """Judge a take that came to its end; have its sentence said again where it is bad."""
        sentence = take.sentence
        take.fault = takes.fault_of_length(len(take.codes), take.stopped, sentence.length)
        if not take.sent and (not take.fault or self.config.best_of > 1):
            self._judge(take)
        if sentence.tried < self.config.best_of + self.config.retries and all(one.fault for one in sentence.takes):
            log.warning("Sentence %d %s: said again (take %d).", sentence.index + 1, take.fault, sentence.tried + 1)
            self._retry(take)
        if not all(one.finished for one in sentence.takes):
            return
        if not take.sent:
            good = [one for one in sentence.takes if not one.fault]
            far = {one: abs(len(one.codes) - sentence.length.usual) for one in sentence.takes}
            sentence.chosen = max(good, key=lambda one: one.score) if good else min(sentence.takes, key=far.__getitem__)
            sentence.takes = [sentence.chosen]
        if sentence.chosen is not None and sentence.chosen.fault:
            log.warning(
                "Sentence %d %s; none of %d takes was better.",
                sentence.index + 1,
                sentence.chosen.fault,
                sentence.tried,
            )

    def _retry(self, take: Take) -> None:
        """Say its sentence again: from where the sound already heard ends, or else from the start."""
        if not take.sent:
            self._begin(take.sentence)
            self._waiting.rotate(1)  # before those that were not tried yet
            return
        take.sentence.tried += 1
        take.generator.manual_seed((take.generator.initial_seed() + take.sentence.tried) % 2**63)
        del take.codes[take.sent :], take.frames[take.sent :], take.latents[take.sent :]
        take.finished, take.stopped, take.fault = False, False, ""
        take.seen[:] = False
        take.seen[[*self.decoder.counted, *take.codes]] = True
        self._waiting.appendleft(take)

    def _judge(self, take: Take) -> None:
        """Vocode a take that nobody has heard, and judge its sound."""
        sentence = take.sentence
        sound = self._vocode(take, last=True)
        take.sent = 0  # it has not gone out
        take.samples = sound.cpu().numpy()
        take.fault = take.fault or takes.fault_of_sound(take.samples, self.voice.sample_rate)
        if self._whole or takes.is_odd(len(take.codes), sentence.length):
            heard = takes.hear(take.samples, self.voice.sample_rate, sentence.text, sentence.language)
            take.fault = take.fault or heard.fault
            take.score = -(heard.wrong or 0.0)
        if self.config.best_of > 1:
            take.score += self.voice.similarity(sound)

    def _sound_of(self, sentence: Sentence) -> tuple[NDArray[np.float32] | None, bool]:
        """What there is to hear of a sentence, if it is enough."""
        take = sentence.chosen
        if take is None:
            return None, False
        if take.finished and take.samples is not None:
            take.sent = len(take.latents)
            return take.samples, True
        if not take.finished and (self._whole or len(take.latents) - take.sent < self._chunk):
            return None, False
        self._chunk = min(self._chunk * GROWTH, LONGEST_CHUNK)
        last = take.finished
        return self._vocode(take, last=last).cpu().numpy(), last

    def _vocode(self, take: Take, *, last: bool) -> torch.Tensor:
        """Sound of the latents that the vocoder does not have yet."""
        if take.vocoder is None:
            take.vocoder = self.voice.vocoder()
        latents = torch.stack(take.latents[take.sent :])
        take.sent = len(take.latents)
        return take.vocoder(latents, last=last)
