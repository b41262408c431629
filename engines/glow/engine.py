"""The embedded engine: `engines.base.Engine` over a small GlowTTS. `create()` is what `engines.registry.load("glow")`
calls."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from engines.audio import clip as clip_file
from engines.base import AudioChunk, Batch, Clip, Features, LoraSettings, Model, SpeechRequest, TrainableModel
from engines.device import send
from engines.errors import BadInput, EngineError
from engines.files import write_whole
from engines.glow import bands, export, mel, model, network, phonemes, speech, vocoder, vocoder_tuning
from engines.glow import text as light
from engines.glow.info import INFO
from engines.glow.model import GlowModel
from engines.own_sound import OwnSound
from engines.text.unspeakable import Stretch, Why, names

#: Clips of a new voice that are looked at to find the base speaker it starts from.
REFERENCES = 8
#: Clips of a voice that its vocoder learns from, at most, and steps of it: three times the clips and steps gain no more
#: (MODEL_CARD.md).
SOUNDS, SOUND_STEPS = 60, 150


class GlowEngine:
    """One GlowTTS network per voice; mel frames of 16 ms; English."""

    info = INFO

    def base_dir(self) -> Path:
        return model.base_dir()

    def base_fingerprint(self) -> str:
        """Of what features are made of: the phonemes and the mel's settings. Other weights of the same make leave
        features as they are."""
        made_of = (
            phonemes.PHONEMIZER,
            phonemes.SYMBOLS,
            mel.SAMPLE_RATE,
            mel.N_MELS,
            mel.N_FFT,
            mel.HOP,
            mel.FLOOR,
            mel.MEAN,
            mel.SPREAD,
            mel.LEVEL,
        )
        return hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]

    def encode(self, clip: Clip) -> Features:
        """ "mel": (N_MELS, frames) float32; "tokens": (tokens,) int64."""
        if clip.language.split("-")[0].lower() != "en":
            raise BadInput(
                f"The embedded engine learns English only, and this clip is {clip.language!r}.",
                "Use another engine for this voice.",
            )
        lost = [
            stretch for stretch in light.unspeakable(clip.text) if stretch.why is not Why.SIGNS
        ]  # a sign makes no sound
        if lost:
            raise BadInput(
                f"The clip's text has {names(lost)}, which the embedded engine cannot say.",
                "Write what is heard in words.",
            )
        symbols = phonemes.phonemes(light.normalise(" ".join(light.sentences(clip.text))))
        features = mel.mel(torch.from_numpy(mel.level(clip_file.read(clip.path, mel.SAMPLE_RATE))))
        if features.shape[-1] // 2 * 2 < len(symbols):
            raise BadInput(
                "The clip is too short for its text.", "Check that the transcript belongs to this recording."
            )
        return {"mel": features.numpy(), "tokens": np.asarray(phonemes.tokens(symbols), np.int64)}

    def length(self, features: Features) -> int:
        return int(features["mel"].shape[-1])

    def load(
        self, version: Path | None, *, device: str = "cpu", training: bool = False, reference: Sequence[Clip] = ()
    ) -> GlowModel:
        loaded = model.load(version, device)
        if version is None and reference:
            model.start_as(
                loaded,
                model.nearest_speaker(
                    loaded, self.base_dir(), _samples(sorted(reference, key=lambda clip: clip.sha256)[:REFERENCES])
                ),
            )
        loaded.module.train(training)
        return loaded

    def trainable(self, model: TrainableModel, lora: LoraSettings | None) -> list[torch.nn.Parameter]:
        """The flows, the speaker table and the duration predictor. The text encoder keeps what it learned from the
        base's corpus, since two minutes of a voice are too few words to learn more (trained too, word errors on twelve
        lines were 0.61, without it 0.34; the two runs were on snapshots of the base of 4,000 and 5,600 steps, so only
        part of that is the encoder's)."""
        if lora is not None:
            raise BadInput(
                "The embedded engine has no adapters: it is small enough to train without.",
                "Leave LoRA off for this voice.",
            )
        model.module.requires_grad_(True)
        for part in _kept(_own(model)):
            part.requires_grad_(False)
        return [parameter for parameter in model.module.parameters() if parameter.requires_grad]

    def collate(self, features: Sequence[Features], prompts: Sequence[Features] = ()) -> Batch:
        """ "texts" (batch, tokens) int64, "mels" (batch, N_MELS, frames) float32, padded with zeros at the end;
        "text_lengths" and "mel_lengths" (batch,) int64; "clips"."""
        texts, text_lengths = network.pad([torch.from_numpy(one["tokens"]) for one in features])
        mels, mel_lengths = network.pad([torch.from_numpy(one["mel"]) for one in features])
        return {
            "texts": texts,
            "text_lengths": text_lengths,
            "mels": mels,
            "mel_lengths": mel_lengths,
            "clips": len(features),
        }

    def losses(self, model: TrainableModel, batch: Batch) -> dict[str, torch.Tensor]:
        """Scalars () float32, means over the batch, with a gradient: "loss", "mle" (nats a mel value) and "duration"
        (squared log frames). `batch` as `collate` makes it, on the CPU."""
        glow = _own(model)
        for part in _kept(glow):
            part.eval()  # what is not trained is heard as it will be when it speaks, without dropout
        texts, text_lengths, mels, mel_lengths = (
            send(batch[name], glow.device) for name in ("texts", "text_lengths", "mels", "mel_lengths")
        )
        speakers = torch.full((texts.shape[0],), glow.speaker, device=glow.device)
        outputs = network.forward(glow.module, texts, text_lengths, mels, mel_lengths, speakers)
        return network.losses(glow.module, outputs, text_lengths, mel_lengths)

    def sound_like(self, model: TrainableModel, version: Path) -> None:
        """See `LearnsSound`."""
        if vocoder.is_in(version):
            glow = _own(model)
            glow.vocoder, glow.own_vocoder = vocoder.load(version), True

    def own_sound(self, version: Path) -> OwnSound:
        """See `LearnsSound`."""
        return OwnSound(vocoder=vocoder.is_in(version), bands=bands.is_in(version))

    def learn_sound(
        self, model: TrainableModel, clips: Sequence[Clip], kept: Path, seed: int, on_step: Callable[[int, int], None]
    ) -> None:
        """See `LearnsSound`: the vocoder learns the voice. A base that brings none has nothing to learn. Kept is what
        was learned; nothing where the vocoder that it began with, the base's or the version's own, says the voice as
        well."""
        glow = _own(model)
        if not isinstance(glow.vocoder, vocoder.HarmonicNoise):
            return
        made = kept.read_bytes() if kept.is_file() else None
        if made is None or (made and not vocoder.fits(glow.vocoder, made)):
            made = self._learned(glow.vocoder, clips, seed, on_step)
            write_whole(kept, made, "the voice's vocoder")
        if made:
            vocoder.unpack(glow.vocoder, made)  # rounded, as it is when it is read again
            glow.own_vocoder = True

    def _learned(
        self, sound: vocoder.HarmonicNoise, clips: Sequence[Clip], seed: int, on_step: Callable[[int, int], None]
    ) -> bytes:
        """What the vocoder learned of the voice; nothing where it says the voice as well as it is. In place."""
        drawn = random.Random(seed).sample(sorted(clips, key=lambda clip: clip.sha256), min(SOUNDS, len(clips)))
        recordings = []
        for samples in _samples(drawn):
            on_step(0, SOUND_STEPS)  # the pitch of a minute takes a second, or several on a busy machine
            if (one := vocoder_tuning.recording(samples)) is not None:
                recordings.append(one)
        before = vocoder.packed(sound, torch.float32)
        if len(recordings) > 1 and vocoder_tuning.improved(sound, recordings, SOUND_STEPS, seed, on_step):
            return vocoder.packed(sound)
        vocoder.unpack(sound, before)
        return b""

    def finish(self, model: TrainableModel, features: Sequence[Features]) -> None:
        """See `Finishes`: what is spoken has the bands of the recordings."""
        glow = _own(model)
        glow.bands = bands.measure(glow.module, glow.speaker, features, self.collate)

    def save(self, model: TrainableModel, folder: Path) -> None:
        glow = _own(model)
        if glow.bands is not None:
            bands.write(glow.bands, folder)
        network.save(glow.module, glow.settings, folder)
        if glow.own_vocoder and isinstance(glow.vocoder, vocoder.HarmonicNoise):
            vocoder.save(glow.vocoder, folder)

    def merge(self, model: TrainableModel) -> TrainableModel:
        raise EngineError("The embedded engine has no adapters to merge: its versions are always whole.")

    def export(self, version: Path, folder: Path, format: str) -> None:
        """Coqui GlowTTS's own files; see `engines.glow.export`."""
        export.write(version, folder)

    def unspeakable(self, text: str, language: str) -> tuple[Stretch, ...]:
        return light.unspeakable(text, language)

    def warm_up(self) -> None:
        """Says a word with the base: then the lexicon, the network's classes and torch's kernels are there."""
        for _ in self.speak(self.load(None), SpeechRequest("Ready.", seed=0)):
            pass

    def speak(self, model: Model, request: SpeechRequest) -> Iterator[AudioChunk]:
        return speech.speak(_own(model), request)


def create() -> GlowEngine:
    return GlowEngine()


def _own(loaded: Model) -> GlowModel:
    assert isinstance(loaded, GlowModel), "a model of another engine"
    return loaded


def _kept(glow: GlowModel) -> list[torch.nn.Module]:
    """The parts that stay as they are in the base: all of the text encoder but its duration predictor."""
    return [part for name, part in glow.module.encoder.named_children() if name != "duration_predictor"]  # type: ignore[union-attr, operator]


def _samples(clips: Sequence[Clip]) -> Iterator[np.ndarray[tuple[int], np.dtype[np.float32]]]:
    """Samples of clips. One that cannot be read is told of by `encode`, not here."""
    for clip in clips:
        with suppress(BadInput):
            yield clip_file.read(clip.path, mel.SAMPLE_RATE)
