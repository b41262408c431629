"""The contract between Myna and a model family, parted by what an engine can do.

An engine is a package under `engines/` with a light `info.py` (an `EngineInfo` named `INFO`, importing nothing heavy)
and an `engine.py` with a class that fulfils `Engine`, and of `Speaks`, `Learns`, `Exports` and `Converts` those that
its capabilities name. `engines.registry` lists them; `engines.registry.speaker(name)`, `learner(name)` and
`exporter(name)` import the heavy part.

No engine knows of jobs, queues or the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, runtime_checkable

from engines.capabilities import Capability
from engines.errors import BadInput
from engines.setting import Setting

if TYPE_CHECKING:  # the contract itself must stay light: the daemon reads EngineInfo without torch
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from engines.text.unspeakable import Stretch


@dataclass(frozen=True)
class WeightsFile:
    """One file of an engine's base that has to be fetched or given."""

    name: str  #: file name inside the base folder
    url: str  #: where it comes from
    sha256: str  #: hex digest, empty if the publisher gives none
    size: int  #: bytes


@dataclass(frozen=True)
class Adapters:
    """How an engine trains adapters, where they differ from training all of it."""

    memory: int = 0  #: `Learning.memory` of adapters, bytes; 0: as much
    #: learning rate, as a multiple of `Learning.learning_rate`: adapters are few, start at nothing, and want more
    rate: float = 1.0
    rank: int = 16  #: of adapters whose rank nobody chose; their alpha is twice that
    usual: bool = False  #: a training from the base trains them where nobody chose


class Undecided(StrEnum):
    """Which checkpoint of a run is taken where how they sound does not tell."""

    LOWEST_LOSS = "lowest-loss"
    EARLIEST = "earliest"  #: of those that surely sound no worse: what learned less generalises better


@dataclass(frozen=True)
class Learning:
    """How an engine learns at default settings."""

    first_steps: tuple[int, float]  #: steps of a first training: max(a, b × clips)
    increment_steps: tuple[int, float]  #: of an increment: max(a, b × new clips), of all clips if it is averaged
    learning_rate: float  #: of a first training of all that trains
    memory: int  #: bytes of GPU (or host) memory a training needs
    increment_rate: float = 0.1  #: an increment's learning rate, as a share of `learning_rate`
    parent_share: float = 0.0  #: of an increment's weights (`TrainSettings.parent_share`)
    micro_batch: int = 12  #: clips in one forward pass at most; more are gathered over several
    precision: str = "fp32"  #: "fp32", or "bf16" for autocast
    min_seconds: float = 20.0  #: kept audio below which a first training is refused, seconds
    adapters: Adapters | None = None  #: None: it has none
    undecided: Undecided = Undecided.LOWEST_LOSS


@dataclass(frozen=True)
class EngineInfo:
    """What can be said of an engine without loading it."""

    name: str  #: "glow", "xtts", "fish"
    title: str  #: one line for people
    package: str  #: import path of the module that holds `create() -> Engine`
    capabilities: frozenset[Capability]
    languages: tuple[str, ...]  #: ISO 639-1 codes
    sample_rate: int  #: Hz of clips that are cut for it; speech says its own (`AudioChunk.sample_rate`)
    licence: str  #: licence name of the weights
    licence_url: str
    needs_consent: bool = False  #: weights are only used after `myna engines accept NAME`
    weights: tuple[WeightsFile, ...] = ()  #: empty: there is nothing to fetch
    sign_in: str = ""  #: address where the publisher gives the weights only to people it knows: they come from a folder
    clip_seconds: tuple[float, float] = (0.8, 12.0)  #: shortest and longest clip that is cut for it, seconds
    speak_memory: int = 0  #: bytes of GPU (or host) memory a loaded voice needs
    temperature: float = 0.667  #: at which it speaks unless told otherwise
    options: Mapping[str, Setting] = field(default_factory=dict)  #: its own settings of speech, by name
    learning: Learning | None = None  #: of an engine that learns
    exports: tuple[str, ...] = ()  #: formats that `export` writes, the usual one first
    #: formats that people will ask for and `export` cannot write, and why: "no tool makes one of this model"
    no_exports: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)  #: by language: the package by which it reads its texts
    spelling: str = ""  #: of texts in its features: another one where it spells them otherwise, which makes them anew

    def __post_init__(self) -> None:
        """Raises ValueError for capabilities that contradict the rest: a fault of the engine's author."""
        given = {
            Capability.LEARNS: self.learning is not None,
            Capability.ADAPTS: self.learning is not None and self.learning.adapters is not None,
            Capability.EXPORTS: bool(self.exports),
        }
        for capability, there in given.items():
            if (capability in self.capabilities) != there:
                raise ValueError(
                    f"The engine {self.name} {'has' if there else 'lacks'} what {capability} asks "
                    f"for: its info must say so."
                )


@dataclass(frozen=True)
class Clip:
    """One training unit: a FLAC file with its text."""

    sha256: str  #: hex digest of the FLAC file: the clip's identity
    path: Path  #: mono FLAC
    text: str
    language: str  #: ISO 639-1
    seconds: float


#: Encoded features of one clip: named arrays, as stored in the feature cache.
Features = Mapping[str, "NDArray[np.generic]"]
#: One collated training batch: named tensors on the CPU. Key "clips" (int) is the number of clips in it.
Batch = Mapping[str, Any]


@dataclass(frozen=True)
class SpeechRequest:
    """What to say and how."""

    text: str
    language: str = "en"
    speed: float = 1.0  #: 2.0 speaks twice as fast
    temperature: float | None = (
        None  #: 0 is deterministic where the engine can; None: the engine's own (`EngineInfo.temperature`)
    )
    seed: int | None = None  #: the same seed, text and version give the same samples
    options: Mapping[str, float] = field(default_factory=dict)  #: engine's own settings (top_p, repetition_penalty, …)
    speaker: str = (
        ""  #: a stock speaker of the base in place of the voice; for engines that take references, as the next
    )
    references: tuple[Clip, ...] = ()  #: clips to sound like, in place of those the voice was made from


@dataclass(frozen=True)
class WordTime:
    """Where a word lies in a chunk's sound, or beyond its end, where the chunk is the first of its sentence."""

    text: str
    start: float  #: seconds from the chunk's first sample
    end: float


@dataclass(frozen=True)
class AudioChunk:
    """A piece of speech, in order. Chunks of one request are played one after another without a gap."""

    samples: NDArray[np.float32]  #: shape (n,), mono, -1…1
    sample_rate: int  #: Hz
    sentence: int  #: index of the sentence in the request it belongs to
    text: str  #: that sentence
    words: tuple[WordTime, ...] = ()  #: of the sentence, on its first chunk, where the engine knows them


@dataclass(frozen=True)
class LoraSettings:
    """Low-rank adapters (Hu et al. 2021, arXiv 2106.09685)."""

    rank: Annotated[int, Setting("rank of the adapters", 1, 1_024)] = 16
    alpha: Annotated[int, Setting("adapters count alpha / rank times", 1, 1_048_576, follows="twice the rank")] = 32
    dropout: Annotated[float, Setting("share of an adapter's inputs that is dropped in training", 0, 0.99)] = 0.0
    targets: Annotated[tuple[str, ...], Setting("modules that get adapters", follows="the engine")] = ()


class Model(Protocol):
    """A loaded voice. But for its weights it is the engine's own business."""

    @property
    def module(self) -> torch.nn.Module | None:
        """Its weights, which voices may share; None: they are not in this process."""
        ...


class TrainableModel(Model, Protocol):
    """A loaded voice that can be trained: `module` holds all that trains."""

    @property
    def module(self) -> torch.nn.Module: ...

    @property
    def device(self) -> torch.device: ...

    @property
    def kind(self) -> str:
        """ "full", "lora" or "merged"."""
        ...


@runtime_checkable
class HoldsMore(Protocol):
    """A loaded voice that holds more than what can train."""

    @property
    def held(self) -> Iterable[torch.nn.Module | torch.Tensor]:
        """All of it, what it shares with other voices, too; asking loads nothing."""
        ...


class Engine(Protocol):
    """What every engine has. All methods of an engine may raise `engines.errors.EngineError`."""

    info: EngineInfo

    def base_dir(self) -> Path | None:
        """Folder of the base's files; None: it has none on this machine. Raises WeightsMissing, with how to get them,
        if they are not there."""
        ...

    def load(
        self, version: Path | None, *, device: str = "cpu", training: bool = False, reference: Sequence[Clip] = ()
    ) -> Model:
        """Load a version's folder, or the base if None. `reference` are clips of the voice that a first training may
        start from (nearest base speaker, conditioning latents)."""
        ...


class Speaks(Engine, Protocol):
    """Says a text. Beside it there is a light `engines/<name>/text.py`, whose `unspeakable(text, language)` the daemon
    asks."""

    def unspeakable(self, text: str, language: str) -> Sequence[Stretch]:
        """Stretches of a text, in order, that the engine cannot say: what the light function finds, and what only the
        base's files tell. They are left out of requests before `speak` sees them, and people are told."""
        ...

    def speak(self, model: Model, request: SpeechRequest) -> Iterator[AudioChunk]:
        """Speak, sentence by sentence; the first chunk comes as soon as it is made."""
        ...


@runtime_checkable
class Settles(Protocol):
    """A speaking engine that can have a voice quicker than at its first words."""

    def settle(self, model: Model) -> None:
        """Do, for a voice that has spoken, what makes it quicker and changes no sample. Called when nobody waits; may
        take seconds."""
        ...


@runtime_checkable
class Shares(Protocol):
    """A speaking engine whose voices share weights in memory."""

    def shares(self, version: Path | None, *, device: str) -> object | None:
        """The weights of voices in memory that this one would speak with too, if it were loaded; None: it would bring
        all of its own. They stay as long as somebody holds what this returns."""
        ...


@runtime_checkable
class WarmsUp(Protocol):
    """A speaking engine that loads more than its modules on first use."""

    def warm_up(self) -> None:
        """Load what every voice needs, on the CPU, without the base's big files and without touching a GPU."""
        ...


class Learns(Engine, Protocol):
    """Trains on clips."""

    def base_fingerprint(self) -> str:
        """Short hex digest that changes when features encoded with this base would change."""
        ...

    def encode(self, clip: Clip) -> Features:
        """Features of a clip. Pure: the same clip and base give the same arrays. Cached by `engines.features`.

        Raises BadInput if the clip cannot train this engine (no phonemes, too short for its text, …): it is then
        dropped with that reason.
        """
        ...

    def length(self, features: Features) -> int:
        """Length for bucketing (frames)."""
        ...

    def load(
        self, version: Path | None, *, device: str = "cpu", training: bool = False, reference: Sequence[Clip] = ()
    ) -> TrainableModel: ...

    def trainable(self, model: TrainableModel, lora: LoraSettings | None) -> list[torch.nn.Parameter]:
        """Prepare for training (add adapters if `lora`, which is only given to engines that have some), and return the
        parameters that train, in a fixed order."""
        ...

    def collate(self, features: Sequence[Features], prompts: Sequence[Features] = ()) -> Batch:
        """Pad to one batch. Deterministic. `prompts` is empty but for engines that fulfil `HearsPrompts`."""
        ...

    def losses(self, model: TrainableModel, batch: Batch) -> dict[str, torch.Tensor]:
        """Forward pass of a `batch` as `collate` makes it, on the CPU. Returns scalars () float32 on the model's
        device, by name, each a mean over the batch; "loss" is the one that is minimised, and has a gradient. Raises
        what torch raises, torch.OutOfMemoryError among it."""
        ...

    def save(self, model: TrainableModel, folder: Path) -> None:
        """Write all that speaking and further training need into an existing empty `folder` (safetensors and JSON,
        never pickles)."""
        ...

    def merge(self, model: TrainableModel) -> TrainableModel:
        """Fold adapters into the weights. Only asked of engines that have adapters."""
        ...


class Exports(Engine, Protocol):
    """Writes versions for other tools."""

    def export(self, version: Path, folder: Path, format: str) -> None:
        """Write the version into an existing `folder` in one of `EngineInfo.exports`, the formats of the engine's own
        upstream tools."""
        ...


class Passing(Protocol):
    """A stream that sound of one rate goes through: as many samples come out as went in, each where it was."""

    def add(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next samples (n,), mono, -1…1 → what is ready (m,), in order; it may lag behind."""
        ...

    def end(self) -> NDArray[np.float32]:
        """What is left: then as many samples have come as were given."""
        ...


class Converts(Engine, Protocol):
    """Has speech sound like a voice, its words and their times kept. Its `load` is given the base and, as `reference`,
    clips of that voice; it has no versions."""

    def converting(self, model: Model, sample_rate: int, seed: int | None = None) -> Passing:
        """A stream of sound at `sample_rate` Hz that comes out in the voice of `model`. It calls
        `engines.interruption.check()` between steps of tenths of a second. The same seed and sound give the same
        samples, however the sound is parted."""
        ...


@runtime_checkable
class EncodesMany(Protocol):
    """A learning engine whose `encode` is cheaper for several clips at once."""

    encode_at_once: int  #: clips in one call

    def encode_many(self, clips: Sequence[Clip]) -> list[Features | BadInput]:
        """What `encode` gives for each clip, or what it raises."""
        ...


@runtime_checkable
class Finishes(Protocol):
    """A learning engine that has something to do once a checkpoint's weights are what a version of it would have."""

    def finish(self, model: TrainableModel, features: Sequence[Features]) -> None:
        """Do so, in place, by features of the voice's clips. Takes seconds; `save` writes it with the rest."""
        ...


@runtime_checkable
class HearsPrompts(Protocol):
    """A learning engine that hears another clip of the voice before each clip: a clip that is its own prompt would
    teach copying. Its `collate` is given as many prompts as clips, one for each."""

    #: clips of a batch that hear the same prompt, one after another, where that is computed once for all of them
    clips_per_prompt: int
