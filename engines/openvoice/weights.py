"""The base's files: where they are, and whether they are what they should be. Imports nothing heavy; nothing is
unpickled here.

What can be told from outside (names and shapes, by `engines.torch_file`) is told here, in one sentence a fault. A base
of other sizes is taken as well, if its `config.json` says them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines import torch_file, weights
from engines.base_files import Shapes, check_shapes, check_whole, json_object
from engines.errors import WeightsMissing
from engines.openvoice.info import INFO, REPOSITORY

CONFIG, CHECKPOINT = "config.json", "checkpoint.pth"
#: Channels that the listener's last layer hands on, in every size.
_HEARD = 128
_FROM = f"Take it from {REPOSITORY} (the folder converter)."
#: Of the sound, and of the model: whole numbers, and lists of them.
_SOUND = ("sampling_rate", "filter_length", "hop_length", "win_length")
_SIZES = ("inter_channels", "hidden_channels", "upsample_initial_channel", "gin_channels")
_LISTS = ("resblock_kernel_sizes", "upsample_rates", "upsample_kernel_sizes")
#: What a sane model has at most of any of them.
_MOST = 1 << 16


@dataclass(frozen=True)
class Shape:
    """What `config.json` says."""

    rate: int  #: Hz
    transform: int  #: samples of a spectrum,
    window: int  #: of them that are heard,
    hop: int  #: and from one to the next: a frame
    model: dict[str, Any]  #: the model's sizes by their names there

    @property
    def bins(self) -> int:
        """Of a spectrum."""
        return self.transform // 2 + 1


def base_dir() -> Path:
    """Folder with config.json and checkpoint.pth: `MYNA_OPENVOICE_BASE`, else `engines/openvoice` in Myna's home.
    Raises WeightsMissing with how to get them."""
    return weights.base_dir(INFO)


def check(folder: Path) -> None:
    """Raises WeightsMissing, with a sentence and what to do, if the folder is not a whole base whose files belong
    together. Reads the small file and the directory of the big one."""
    check_whole(INFO, folder, "OpenVoice V2's converter", REPOSITORY)
    shape, model = read_config(folder / CONFIG), folder / CHECKPOINT
    found = shapes(model)
    if "ref_enc.proj.weight" not in found:
        speaks = any(name.startswith("enc_p.") for name in found)
        what = "a speaker that says texts" if speaks else f"something else, with {len(found)} tensors"
        raise WeightsMissing(f"{model.name} is not the weights of OpenVoice's converter: it is {what}.", _FROM)
    inner, hidden, voice = (shape.model[name] for name in ("inter_channels", "hidden_channels", "gin_channels"))
    wanted: Shapes = {
        "enc_q.pre.weight": (hidden, shape.bins, 1),
        "enc_q.proj.weight": (2 * inner, hidden, 1),
        "flow.flows.0.pre.weight": (hidden, inner // 2, 1),
        "dec.conv_pre.weight": (shape.model["upsample_initial_channel"], inner, 7),
        "ref_enc.proj.weight": (voice, _HEARD),
    }
    check_shapes(found, wanted, f"{model.name} does not belong to config.json", "Take both from one folder.")


def fingerprint(folder: Path) -> str:
    """Short digest that tells the model of one base from another's. Quick: nothing is read but the file's directory."""
    return torch_file.fingerprint(folder / CHECKPOINT)


def read_config(path: Path) -> Shape:
    """`config.json`. Raises WeightsMissing for what is not a converter's."""
    config = json_object(path, _FROM)
    sound, model = config.get("data"), config.get("model")
    if not isinstance(sound, dict) or not isinstance(model, dict):
        raise WeightsMissing(f"{path.name} is no configuration of OpenVoice's: it lacks data and model.", _FROM)
    lacking = [name for name in _SOUND if not _is_size(sound.get(name))]
    lacking += [name for name in _SIZES if not _is_size(model.get(name))]
    lacking += [name for name in _LISTS if not _are_sizes(model.get(name))]
    dilations = model.get("resblock_dilation_sizes")
    if not isinstance(dilations, list) or not dilations or not all(map(_are_sizes, dilations)):
        lacking.append("resblock_dilation_sizes")
    if lacking:
        raise WeightsMissing(f"{path.name} does not say how big the model is ({', '.join(lacking)}).", _FROM)
    if math.prod(model["upsample_rates"]) != sound["hop_length"]:
        sentence = f"{path.name} contradicts itself: upsample_rates do not make up hop_length, {sound['hop_length']}."
        raise WeightsMissing(sentence, _FROM)
    rate, transform, hop, window = (sound[name] for name in _SOUND)
    return Shape(rate, transform, window, hop, model)


def shapes(path: Path) -> Shapes:
    """Of the model's tensors by name. Raises WeightsMissing."""
    facts = torch_file.tensors(path)
    return {name.removeprefix("model/"): tensor.shape for name, tensor in facts.items()}


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST


def _are_sizes(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_size, value))
