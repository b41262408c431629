"""A loaded voice of `xtts`: the base, what versions before it folded in, its own weights or adapters, and its latents.

A version's folder holds only what is the voice's own:

    settings.json          kind, LoRA settings, fingerprint of the base, and `on`: sibling folders of versions that are
    loaded or folded in
                           before it, in order
    gpt.safetensors        kinds "full" and "merged": the whole GPT
    adapters.safetensors   kind "lora": its adapters, fp16
    voice.safetensors      latents

So adapters stay apart from the base, and one trained on a version with other adapters refers to it instead of repeating
it.
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import torch

from engines import version_files
from engines.base import Clip, LoraSettings
from engines.tensor_file import write_tensors
from engines.xtts import latents, lora, network, weights
from engines.xtts.latents import Latents

SETTINGS, WEIGHTS, ADAPTERS, VOICE = "settings.json", "gpt.safetensors", "adapters.safetensors", "voice.safetensors"
#: Raised when the files' meaning changes.
FORMAT = 1
#: Latents of given references that a loaded voice keeps, 130 KB each.
_KEPT = 8


class Shared:
    """A base that voices with adapters of one shape take turns with."""

    def __init__(self, xtts: Any) -> None:
        self.xtts = xtts
        self.lock = threading.RLock()
        self.now: object = None  #: whose adapters are in it


@dataclass(eq=False)
class XttsModel:
    """A voice in memory. `module` is the GPT: all that can train."""

    xtts: Any  #: Coqui's Xtts
    base: Path
    device: torch.device
    kind: str = "full"
    lora: LoraSettings | None = None  #: of the adapters in place
    on: tuple[str, ...] = ()  #: versions below the voice's own weights, as in SETTINGS
    version: Path | None = None
    latents: Latents | None = None  #: None: only the base's stock speakers can speak
    speakers: dict[str, Latents] = field(default_factory=dict)  #: the base's, by name
    reference: tuple[Clip, ...] = ()
    prompts: dict[bytes, torch.Tensor] = field(
        default_factory=dict
    )  #: conditioning latents by prompt, while the listeners do not train
    given: OrderedDict[tuple[str, ...], Latents] = field(
        default_factory=OrderedDict
    )  #: of references that requests gave, by SHA-256
    shared: Shared | None = None
    adapters: dict[str, torch.Tensor] = field(default_factory=dict)  #: to be put into `shared`

    @property
    def module(self) -> torch.nn.Module:
        gpt: torch.nn.Module = self.xtts.gpt
        return gpt

    @property
    def held(self) -> tuple[torch.nn.Module | torch.Tensor, ...]:
        """All modules of XTTS, and the voice's adapters."""
        return self.xtts, *self.adapters.values()

    @property
    def transformer(self) -> torch.nn.Module:
        transformer: torch.nn.Module = self.xtts.gpt.gpt
        return transformer

    def latents_of(self, clips: Sequence[Clip]) -> Latents:
        """How clips that a request gives sound; kept, since the next request will likely give the same. Raises
        BadInput."""
        key = tuple(sorted(clip.sha256 for clip in clips))
        if key not in self.given:
            self.given[key] = latents.of(self.xtts, clips)
            if len(self.given) > _KEPT:
                self.given.popitem(last=False)
        self.given.move_to_end(key)
        return self.given[key]

    def activate(self) -> None:
        """Have this voice's adapters in the base it shares. Hold `shared.lock` while it speaks."""
        if self.shared is not None and self.shared.now is not self:
            lora.load(self.transformer, self.adapters)
            self.shared.now = self


_shared: WeakValueDictionary[tuple[object, ...], Shared] = WeakValueDictionary()


def load(base: Path, version: Path | None, device: str, *, training: bool, reference: Sequence[Clip]) -> XttsModel:
    """A version's folder, or the base. Voices with adapters that are loaded to speak share one base. Raises
    WeightsMissing, EngineError."""
    where = torch.device(device)
    if version is None:
        model = XttsModel(_base(base, where), base, where, reference=tuple(reference))
    else:
        about = version_files.about_on(base, weights.fingerprint(base), version / SETTINGS, FORMAT, "XTTS")
        settings, on = version_files.lora(about), tuple(about["on"])
        if settings is not None and not training:
            model = _sharing(base, version, where, settings, on)
        else:
            xtts = _base(base, where)
            for below in on:
                _add(xtts, (version / below).resolve(), fold=True)
            _add(xtts, version, fold=False)
            model = XttsModel(xtts, base, where, lora=settings, on=on)
        model.kind, model.version, model.reference = about["kind"], version, tuple(reference)
    model.speakers = latents.stock(network.load_speakers(base))
    if version is not None and (version / VOICE).is_file():
        model.latents = Latents.load(version / VOICE)
    elif reference:
        model.latents = latents.of(model.xtts, reference)
    return model


def shared(base: Path, version: Path | None, device: str) -> Shared | None:
    """The base in memory that a voice with adapters would be loaded onto to speak, if there is one."""
    if version is None:
        return None
    about = version_files.about(version / SETTINGS, FORMAT)
    settings = version_files.lora(about)
    return _shared.get(_key(base, version, torch.device(device), settings, tuple(about["on"]))) if settings else None


def save(model: XttsModel, folder: Path) -> None:
    """Write the voice's own files into an empty folder. Its latents are computed anew, with the weights as they are
    now."""
    settings = dataclasses.asdict(model.lora) if model.lora else None
    about = {
        "format": FORMAT,
        "kind": model.kind,
        "lora": settings,
        "on": list(model.on),
        "base": weights.fingerprint(model.base),
    }
    if model.kind == "lora":
        halves = {name: tensor.to(torch.float16) for name, tensor in lora.state(model.transformer).items()}
        write_tensors(folder / ADAPTERS, halves)
    else:
        write_tensors(folder / WEIGHTS, model.module.state_dict())
    heard = latents.of(model.xtts, model.reference) if model.reference else model.latents
    if heard is not None:
        heard.save(folder / VOICE)
    (folder / SETTINGS).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def fold(model: XttsModel) -> None:
    """Fold the adapters into the weights, in place. A base that other voices speak with too is left to them."""
    if model.lora is None:
        return
    if model.shared is not None:
        assert model.version is not None, "only versions share a base"
        model.xtts = load(model.base, model.version, str(model.device), training=True, reference=()).xtts
    lora.fold(model.transformer)
    model.module.eval()
    model.lora, model.shared, model.adapters, model.kind, model.on = None, None, {}, "merged", ()


def _key(
    base: Path, version: Path, device: torch.device, settings: LoraSettings, on: tuple[str, ...]
) -> tuple[object, ...]:
    """What voices have in common that share a base."""
    return base.resolve(), str(device), settings, tuple((version / one).resolve() for one in on)


def _base(base: Path, device: torch.device) -> Any:
    return network.load(base).to(device)


def _sharing(base: Path, version: Path, device: torch.device, settings: LoraSettings, on: tuple[str, ...]) -> XttsModel:
    key = _key(base, version, device, settings, on)
    found = _shared.get(key)
    if found is None:
        xtts = _base(base, device)
        for one in on:
            _add(xtts, (version / one).resolve(), fold=True)
        lora.inject(xtts.gpt.gpt, settings)
        xtts.gpt.eval()
        found = _shared[key] = Shared(xtts)
    return XttsModel(
        found.xtts,
        base,
        device,
        lora=settings,
        on=on,
        shared=found,
        adapters=version_files.tensors(version / ADAPTERS),
    )


def _add(xtts: Any, version: Path, *, fold: bool) -> None:
    """Put a version's own weights or adapters onto what is loaded."""
    about = version_files.about(version / SETTINGS, FORMAT)
    settings = version_files.lora(about)
    if settings is None:
        state = version_files.tensors(version / WEIGHTS)
        device = next(xtts.gpt.parameters()).device
        network.fill(xtts.gpt, {name: tensor.to(device) for name, tensor in state.items()}, version / WEIGHTS)
        return
    lora.inject(xtts.gpt.gpt, settings)
    lora.load(xtts.gpt.gpt, version_files.tensors(version / ADAPTERS))
    if fold:
        lora.fold(xtts.gpt.gpt)
