"""A loaded voice of `fish`: the base, what versions before it folded in, its own weights or adapters, and its
references.

A version's folder holds only what is the voice's own:

    settings.json            kind, LoRA settings, fingerprint of the base, and `on`: sibling folders of versions that
                             are loaded or folded in before it, in order
    transformer.safetensors  kinds "full" and "merged": both transformers, in the base's precision
    adapters.safetensors     kind "lora": its adapters, fp16
    voice.safetensors        references, as tokens
"""

from __future__ import annotations

import dataclasses
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import torch

from engines import version_files
from engines.autoregressive import likeness
from engines.autoregressive.likeness import Embedding
from engines.base import Clip, LoraSettings
from engines.fish import codec, lora, network, references, weights
from engines.fish.features import SAMPLE_RATE
from engines.fish.prompts import Prompts, Reference
from engines.tensor_file import write_tensors

SETTINGS, WEIGHTS, ADAPTERS = "settings.json", "transformer.safetensors", "adapters.safetensors"
VOICE = "voice.safetensors"
#: Raised when the files' meaning changes.
FORMAT = 1
#: References of requests that a loaded voice keeps as tokens.
_KEPT = 8


#: Codecs in use, by base and device, and transformers on which voices have adapters, by what is folded into them, too.
_codecs: WeakValueDictionary[tuple[Path, str], torch.nn.Module] = WeakValueDictionary()
_shared: WeakValueDictionary[tuple[object, ...], torch.nn.Module] = WeakValueDictionary()


@dataclass(eq=False)
class FishModel:
    """A voice in memory. `module` is both transformers: all that can train."""

    transformer: Any  #: stock's DualARTransformer
    base: Path
    device: torch.device
    dtype: torch.dtype  #: the base's precision, in which full versions are kept
    kind: str = "full"
    lora: LoraSettings | None = None  #: of the adapters in place
    shared: Any = None  #: the transformer whose matrices others speak with, too; held as long as somebody does
    on: tuple[str, ...] = ()  #: versions below the voice's own weights, as in SETTINGS
    version: Path | None = None
    clips: tuple[Clip, ...] = ()  #: what the voice may be heard from
    stored: tuple[Reference, ...] = ()  #: what it is heard from, once that was found out
    given: OrderedDict[tuple[str, ...], tuple[Reference, ...]] = field(
        default_factory=OrderedDict
    )  #: of references that requests gave, by SHA-256
    _codec: Any = None
    _heard: tuple[tuple[Reference, ...], Embedding | None] | None = None  #: who was heard last in which references

    @property
    def module(self) -> torch.nn.Module:
        transformer: torch.nn.Module = self.transformer
        return transformer

    @property
    def held(self) -> tuple[torch.nn.Module, ...]:
        """Both transformers, and the codec once it was read."""
        return self.module, *([self._codec] if self._codec is not None else [])

    @property
    def prompts(self) -> Prompts:
        return Prompts(self.transformer.tokenizer, self.transformer.config.num_codebooks)

    @property
    def codec(self) -> Any:
        """What makes sound of codes; read when it is first asked for, since a training never does. Voices on one base
        share it: nobody trains it."""
        if self._codec is None:
            key = self.base.resolve(), str(self.device)
            self._codec = _codecs.get(key)
            if self._codec is None:
                self._codec = _codecs[key] = codec.speaker(self.base).to(self.device)
        return self._codec

    def references(self) -> tuple[Reference, ...]:
        """What the voice is heard from; none for the base alone."""
        if not self.stored and self.clips:
            self.stored = references.of(self.base, self.clips)
        return self.stored

    def references_of(self, clips: Sequence[Clip]) -> tuple[Reference, ...]:
        """Of clips that a request gives; kept, since the next request will likely give the same. Raises BadInput."""
        key = tuple(sorted(clip.sha256 for clip in clips))
        if key not in self.given:
            self.given[key] = references.of(self.base, clips)
            if len(self.given) > _KEPT:
                self.given.popitem(last=False)
        self.given.move_to_end(key)
        return self.given[key]

    def heard_in(self, references_: tuple[Reference, ...]) -> Embedding | None:
        """Who speaks in references; None where there are none, or nobody is heard in them. Takes a second for the
        first request that asks."""
        if self._heard is None or self._heard[0] is not references_:
            said = references.sound(self.codec, references_)
            self._heard = references_, likeness.of(said, SAMPLE_RATE) if len(said) else None
        return self._heard[1]


def load(base: Path, version: Path | None, device: str, *, training: bool, reference: Sequence[Clip]) -> FishModel:
    """A version's folder, or the base. Voices with adapters that are loaded to speak share one base. Raises
    WeightsMissing, EngineError."""
    where = torch.device(device)
    about = _about(base, version)
    below = _below(version, about)
    sharing = not training and about["lora"] is not None
    transformer = _sharing(base, below, where) if sharing else _on(base, below)
    common, transformer = (transformer, network.twin(transformer)) if sharing else (None, transformer)
    model = FishModel(transformer, base, where, transformer.norm.weight.dtype, clips=tuple(reference), shared=common)
    if version is not None:
        model.lora = _add(transformer, version, fold=False)
        model.kind, model.on, model.version = about["kind"], tuple(about["on"]), version
        if not model.clips and (version / VOICE).is_file():  # else it is heard from those, not as its parent was
            model.stored = references.load(version / VOICE)
    transformer.to(where)
    transformer.train(training)
    _checkpointing(transformer)
    if not training:
        _ = model.codec  # now, and not while somebody waits for the first sound
    return model


def shared(base: Path, version: Path | None, device: str) -> Any | None:
    """The transformer in memory that a voice with adapters would be loaded onto to speak, if there is one."""
    about = _about(base, version)
    return None if about["lora"] is None else _shared.get(_key(base, _below(version, about), torch.device(device)))


def save(model: FishModel, folder: Path) -> None:
    """Write the voice's own files into an empty folder."""
    about = {
        "format": FORMAT,
        "kind": model.kind,
        "lora": dataclasses.asdict(model.lora) if model.lora else None,
        "on": list(model.on),
        "base": weights.fingerprint(model.base),
    }
    if model.kind == "lora":
        halves = {name: tensor.to(torch.float16) for name, tensor in lora.state(model.transformer).items()}
        write_tensors(folder / ADAPTERS, halves)
    else:
        state = {name: tensor.to(model.dtype) for name, tensor in model.module.state_dict().items()}
        write_tensors(folder / WEIGHTS, state)
    if heard := model.references():
        references.save(folder / VOICE, heard)
    (folder / SETTINGS).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def fold(model: FishModel) -> None:
    """Fold the adapters into the weights, in place. Matrices that other voices speak with too are left to them."""
    if model.lora is None:
        return
    if model.shared is not None:
        assert model.version is not None, "only versions share a base"
        alone = load(model.base, model.version, str(model.device), training=True, reference=())
        model.transformer, model.shared = alone.transformer, None
    lora.fold(model.transformer)
    model.module.eval()
    model.lora, model.kind, model.on = None, "merged", ()


def _about(base: Path, version: Path | None) -> dict[str, Any]:
    """A version's settings; those of none where there is only the base. Raises WeightsMissing, EngineError."""
    if version is None:
        return {"on": [], "lora": None}
    return version_files.about_on(base, weights.fingerprint(base), version / SETTINGS, FORMAT, "fish")


def _on(base: Path, below: Sequence[Path]) -> Any:
    """The base with versions folded in."""
    transformer = network.load(base)
    for one in below:
        _add(transformer, one, fold=True)
    return transformer


def _sharing(base: Path, below: tuple[Path, ...], device: torch.device) -> Any:
    """The same, the one that is there."""
    key = _key(base, below, device)
    found = _shared.get(key)
    if found is None:
        found = _shared[key] = _on(base, below).to(device).eval()
    return found


def _key(base: Path, below: tuple[Path, ...], device: torch.device) -> tuple[object, ...]:
    """What voices have in common that share a transformer."""
    return base.resolve(), below, str(device)


def _below(version: Path | None, about: Mapping[str, Any]) -> tuple[Path, ...]:
    """Folders of the versions that are folded in below one."""
    return () if version is None else tuple((version / one).resolve() for one in about["on"])


def _add(transformer: Any, version: Path, *, fold: bool) -> LoraSettings | None:
    """Put a version's own weights or adapters onto what is loaded; the settings of adapters that are in place then."""
    about = version_files.about(version / SETTINGS, FORMAT)
    settings = version_files.lora(about)
    if settings is None:
        network.fill(transformer, version_files.tensors(version / WEIGHTS), version / WEIGHTS)
        return None
    lora.inject(transformer, settings)
    lora.load(transformer, version_files.tensors(version / ADAPTERS))
    if fold:
        lora.fold(transformer)
        return None
    return settings


def _checkpointing(transformer: Any) -> None:
    """Let `engines.training.memory` have activations computed again where memory is short."""

    def switch(on: bool, function: Callable[..., Any]) -> None:
        transformer.is_activation_checkpointing = on

    transformer.supports_gradient_checkpointing, transformer.is_activation_checkpointing = True, False
    transformer._set_gradient_checkpointing = partial(switch)
