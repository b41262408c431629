"""Coqui's own modules, built without spending a second on random weights, and filled from the base's files by memory
map.

`Xtts.load_checkpoint` draws random weights for 467 M parameters, twice, and then reads 1.9 GB into memory. Here
parameters are built empty and the file's pages stand in for them: what is not touched is never read.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from engines import coqui, import_stand_ins
from engines.errors import WeightsMissing

with import_stand_ins.without("boto3"):  # for trainings at Amazon's, which its command line would set up
    from accelerate import init_empty_weights
with coqui.imports():
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.layers.xtts.dvae import DiscreteVAE
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
    from TTS.tts.models.xtts import Xtts, _legacy_safe_globals

#: What Coqui's trainer leaves in a checkpoint beside the model.
_NOT_THE_MODEL = ("torch_mel_spectrogram_style_encoder.", "torch_mel_spectrogram_dvae.", "dvae.")
#: What older checkpoints hold twice: the inference wrapper around the same GPT.
_TWICE = ("gpt.gpt_inference.", "gpt.gpt.wte.")
#: What weight normalisation called its two parts before torch 2, and calls them now.
_WEIGHT_NORM = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}
_REMEDY = "Get the base again with `myna engines accept xtts`, or give its folder with `myna engines add xtts FOLDER`."


def read_config(folder: Path) -> XttsConfig:
    """`config.json` as Coqui writes it. Raises WeightsMissing."""
    path = folder / "config.json"
    config = XttsConfig()
    try:
        config.load_json(str(path))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsMissing(f"{path} is no XTTS configuration ({error}).", _REMEDY) from error
    return config


def read_tokenizer(folder: Path) -> VoiceBpeTokenizer:
    """`vocab.json`. Raises WeightsMissing."""
    path = folder / "vocab.json"
    try:
        json.loads(path.read_text(encoding="utf-8"))
        return VoiceBpeTokenizer(vocab_file=path)
    except (OSError, ValueError) as error:
        raise WeightsMissing(f"{path} is no tokenizer ({error}).", _REMEDY) from error


def build(config: XttsConfig, tokenizer: VoiceBpeTokenizer) -> Xtts:
    """The modules with parameters on the meta device; buffers are real."""
    arguments = config.model_args
    arguments.gpt_number_text_tokens = tokenizer.get_number_tokens()
    arguments.gpt_start_text_token = tokenizer.tokenizer.token_to_id("[START]")
    arguments.gpt_stop_text_token = tokenizer.tokenizer.token_to_id("[STOP]")
    with _empty():
        xtts = Xtts(config)
    xtts.tokenizer = tokenizer
    return xtts


@contextlib.contextmanager
def _empty() -> Iterator[None]:
    """Parameters are made on the meta device, buffers are real. The stand-ins keep torch from loading its compiler when
    such a parameter is normalised, and from working out what it would draw: that took three seconds of a CPU."""
    with (
        import_stand_ins.without_compiler(),
        import_stand_ins.without_values(),
        init_empty_weights(include_buffers=False),
    ):
        yield


def load(folder: Path) -> Xtts:
    """The base in `folder`, on the CPU, its parameters views of the file. In evaluation mode. Raises WeightsMissing."""
    xtts = build(read_config(folder), read_tokenizer(folder))
    state = {_name(name): value for name, value in _tensors(folder / "model.pth").items()}
    state = {name: value for name, value in state.items() if not name.startswith(_NOT_THE_MODEL + _TWICE)}
    fill(xtts, state, folder / "model.pth")
    xtts.gpt.eval()
    xtts.hifigan_decoder.eval()
    return xtts


def _name(name: str) -> str:
    """What a tensor of a checkpoint is called in the model: Coqui's trainer puts "xtts." before it, and weight
    normalisation had other names before torch 2."""
    name = name.removeprefix("xtts.")
    for old, new in _WEIGHT_NORM.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def load_dvae(folder: Path, n_codes: int) -> DiscreteVAE:
    """The encoder half of the discrete VAE, whose codes the GPT learns. In evaluation mode.

    Coqui loads `dvae.pth` with strict=False, and a wrong file passes silently; here it raises WeightsMissing."""
    with _empty():
        dvae = DiscreteVAE(
            channels=80,
            normalization=None,
            positional_dims=1,
            num_tokens=n_codes,
            codebook_dim=512,
            hidden_dim=512,
            num_resnet_blocks=3,
            kernel_size=3,
            num_layers=2,
            use_transposed_convs=False,
        )
    dvae.decoder = torch.nn.Identity()  # only needed to hear the codes
    wanted = {name for name in dvae.state_dict() if not name.startswith("discrete_loss.")}
    state = {name: value for name, value in _tensors(folder / "dvae.pth").items() if name in wanted}
    fill(dvae, state, folder / "dvae.pth", others="discrete_loss.")
    return dvae.eval()


def load_mel_norms(folder: Path) -> torch.Tensor:
    """Divisors of the log-mel channels, (80,)."""
    path = folder / "mel_stats.pth"
    norms = _read(path)
    if not torch.is_tensor(norms) or norms.shape != (80,):
        raise WeightsMissing(f"{path} does not hold the 80 mel statistics.", _REMEDY)
    return norms.float()


def load_speakers(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """The base's stock speakers: "gpt_cond_latent" (1, 32, d) and "speaker_embedding" (1, 512, 1) by name; none without
    the file."""
    path = folder / "speakers_xtts.pth"
    return dict(_read(path)) if path.is_file() else {}


def fill(module: torch.nn.Module, state: dict[str, torch.Tensor], path: Path, others: str = "") -> None:
    """Let a state stand in for a module's parameters and buffers, and check that it is whole; names that start with
    `others` may lack."""
    own = module.state_dict()
    missing = [name for name in own if name not in state and not (others and name.startswith(others))]
    foreign = [name for name in state if name not in own]
    unlike = [name for name in own if name in state and own[name].shape != state[name].shape]
    for names, what in ((missing, "lacks"), (foreign, "has a foreign"), (unlike, "has another shape for")):
        if names:
            count = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise WeightsMissing(f"{path} is not this model: it {what} {names[0]}{count}.", _REMEDY)
    module.load_state_dict(state, strict=False, assign=True)


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    found = _read(path)
    found = found.get("model", found) if isinstance(found, dict) else None
    if not isinstance(found, dict) or not all(torch.is_tensor(value) for value in found.values()):
        raise WeightsMissing(f"{path} is no checkpoint of a model.", _REMEDY)
    return found


def _read(path: Path) -> Any:
    """A pickle of tensors, by memory map where its format allows. Never runs code from the file."""
    try:
        with _legacy_safe_globals():  # the published file holds its configuration as an object of Coqui's
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise WeightsMissing(f"There is no {path}.", _REMEDY) from None
    except Exception as error:  # torch raises many kinds for a file that is cut short or no checkpoint at all
        if "mmap" not in str(error):
            raise WeightsMissing(f"{path} cannot be read: it is cut short or no checkpoint.", _REMEDY) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)  # written before torch 1.6: no memory map
    except Exception as error:
        raise WeightsMissing(f"{path} cannot be read: it is cut short or no checkpoint.", _REMEDY) from error
