"""How well a version speaks lines that it was never trained on, beside recordings of them by the same synthesiser
(`synthesisers.py`), and beside the base. Used by benchmarks; not one itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile
import torch

from benchmarks import synthesisers
from daemon.home.kept_lines import SEED
from daemon.worker.spoken import write_wav
from engines.base import Clip, SpeechRequest
from engines.glow import mel
from engines.glow.engine import GlowEngine
from engines.glow.model import base_dir
from engines.glow.recipe.corpus import SAMPLE_RATE, Speaker
from engines.glow.vocoder import load as load_vocoder
from engines.metrics.score import Scores, SpokenLine, score_lines
from engines.metrics.summary import Summary
from engines.transcription.choose import choose


class Measure:
    """Has versions say lines that were never dropped, and scores them against the recordings of them."""

    def __init__(self, folder: Path, speaker: Speaker, texts: Sequence[str]) -> None:
        self._folder, self._texts, self._engine = folder / "said", texts, GlowEngine()
        self._transcriber = choose("en", folder).transcriber
        self._recorded = [self._folder / f"recording-{number}.wav" for number in range(len(texts))]
        self._folder.mkdir()
        for path, text in zip(self._recorded, texts, strict=True):
            write_wav(path, synthesisers.said(speaker, text), SAMPLE_RATE)
        self._known: dict[str, Scores] = {}

    def recordings(self) -> Scores:
        """What the person scores."""
        return self._scored("recordings", self._recorded)

    def copied(self) -> Scores:
        """What the recordings score through the base's vocoder: as like as a version can be that knows their mels."""
        vocoder, copies = load_vocoder(base_dir()), []
        for number, path in enumerate(self._recorded):
            samples, _ = soundfile.read(path, dtype="float32")
            features = mel.mel(torch.from_numpy(mel.level(samples)))
            copies.append(self._folder / f"copied-{number}.wav")
            sound = vocoder.sound(features, torch.Generator().manual_seed(SEED)).numpy()
            write_wav(copies[-1], sound.clip(-1, 1), SAMPLE_RATE)
        return self._scored("copied", copies)

    def version(self, folder: Path | None) -> Scores:
        """What a version scores, or the base (None)."""
        name = folder.name if folder is not None else "base"
        if name not in self._known:
            reference = [] if folder is not None else [self._clip(path) for path in self._recorded]
            model = self._engine.load(folder, device="cpu", reference=reference)
            spoken = []
            for number, text in enumerate(self._texts):
                chunks = self._engine.speak(model, SpeechRequest(text, "en", seed=SEED))
                spoken.append(self._folder / f"{name}-{number}.wav")
                write_wav(spoken[-1], np.concatenate([chunk.samples for chunk in chunks]), SAMPLE_RATE)
            self._known[name] = self._scored(name, spoken)
        return self._known[name]

    def _clip(self, path: Path) -> Clip:
        seconds = soundfile.info(path).duration
        return Clip(f"{crc32(path.name.encode()):064x}", path, "", "en", seconds)

    def _scored(self, name: str, spoken: Sequence[Path]) -> Scores:
        lines = [SpokenLine(*line) for line in zip(self._texts, spoken, self._recorded, strict=True)]
        return score_lines(lines, self._transcriber)


def way(base: Summary, recordings: Summary, end: Summary) -> float:
    """Share of the way from the base's likeness to the recordings'."""
    start, top, here = (one.similarity or 0.0 for one in (base, recordings, end))
    return (here - start) / ((top - start) or 1e-9)


def times(recordings: Summary, end: Summary) -> float:
    """Word errors, as a multiple of the recordings'."""
    return (end.wer or 0.0) / (recordings.wer or 1e-9)
