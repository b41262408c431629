"""A base in OpenVoice V2's own file format that is small enough to make in a second: random weights, for tests and for
trying the way out.

    python -m engines.openvoice.tiny_base FOLDER

What it makes of speech is noise of exactly its length, another for each voice.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from engines.openvoice import network
from engines.openvoice.weights import CHECKPOINT, CONFIG, read_config

SEED = 7
#: As published, but for the channels.
SIZES = {
    "zero_g": True,
    "inter_channels": 8,
    "hidden_channels": 8,
    "filter_channels": 16,
    "n_heads": 2,
    "n_layers": 6,
    "kernel_size": 3,
    "p_dropout": 0.1,
    "resblock": "1",
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
    "upsample_rates": [8, 8, 2, 2],
    "upsample_initial_channel": 32,
    "upsample_kernel_sizes": [16, 16, 4, 4],
    "gin_channels": 8,
}
#: As published: 33 M parameters. For benchmarks.
PUBLISHED = SIZES | {
    "inter_channels": 192,
    "hidden_channels": 192,
    "filter_channels": 768,
    "upsample_initial_channel": 512,
    "gin_channels": 256,
}
SOUND = {"sampling_rate": 22_050, "filter_length": 1_024, "hop_length": 256, "win_length": 1_024, "n_speakers": 0}
#: Spread of what is drawn for the layers that begin with zeros, and how much more of a voice is heard: else all voices
#: were the same.
SPREAD, HEARD = 0.3, 30.0
#: How much stronger a gated layer's inputs are made, so that what goes in is not lost on its way through sixteen.
GAIN = 2.0
#: What weight normalisation calls its two parts now, and called them in the published files.
_WEIGHT_NORM = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}


def write(folder: Path, sizes: Mapping[str, Any] = SIZES) -> None:
    """Write both files into `folder`, which is made; the same ones each time."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"_version_": "v2", "data": SOUND, "model": dict(sizes)}, indent=1)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
    before = torch.random.get_rng_state()
    torch.manual_seed(SEED)
    try:
        openvoice = network.build(read_config(folder / CONFIG))
        _wake(openvoice)
    finally:
        torch.random.set_rng_state(before)
    state = {_published(name): value for name, value in openvoice.state_dict().items()}
    torch.save({"model": state, "iteration": 0}, folder / CHECKPOINT)


@torch.no_grad()
def _wake(openvoice: Any) -> None:
    """Let what goes in be heard in what comes out: where training begins, hardly anything is."""
    for coupling in openvoice.flow.flows[::2]:
        coupling.post.weight.normal_(0, SPREAD)
    openvoice.ref_enc.proj.weight.mul_(HEARD)
    for part, gain in ((openvoice.dec, 1.0), (openvoice.flow, GAIN), (openvoice.enc_q, GAIN)):
        for name, length in part.named_parameters():
            if name.endswith("weight.original0"):
                length.fill_(gain)


def _published(name: str) -> str:
    for new, old in _WEIGHT_NORM.items():
        if name.endswith(new):
            return name.removesuffix(new) + old
    return name


if __name__ == "__main__":
    write(Path(sys.argv[1]))
