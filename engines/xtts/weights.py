"""The base's files: where they are, and whether they are what they should be. Imports nothing heavy; nothing is
unpickled here.

Pickles (`.pth`) are only ever loaded by `torch.load(…, weights_only=True)`, in the modules that need their tensors.
What can be told from outside (names and shapes, by `engines.torch_file`) is told here, in one sentence a fault. Coqui's
loaders are no help in this: a wrong dvae.pth passes them silently, since they load it with strict=False.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines import torch_file, weights
from engines.base_files import Shapes, check_layers, check_shapes, check_sizes, check_whole, json_object
from engines.errors import WeightsMissing
from engines.torch_file import TensorFacts
from engines.xtts.info import INFO, REPOSITORY

#: Mel bands, which neither the DVAE nor the conditioning encoder can have another number of.
BANDS = 80
#: Channels of the DVAE's codebook and outer blocks, and of its inner blocks, as Coqui's trainer builds it.
CODEBOOK, INNER = 512, 1024
_FROM = f"Take it from {REPOSITORY}."
#: What the tokenizer needs beside letters.
SPECIAL = ("[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]")


def base_dir() -> Path:
    """Folder with model.pth, config.json, vocab.json, speakers_xtts.pth, dvae.pth and mel_stats.pth: `MYNA_XTTS_BASE`,
    else `engines/xtts` in Myna's home. Raises WeightsMissing with how to get them."""
    return weights.base_dir(INFO)


def check(folder: Path) -> None:
    """Raises WeightsMissing, with a sentence and what to do, if the folder is not a whole base whose files belong
    together. Reads the small files and the directories of the big ones: a fraction of a second."""
    check_whole(INFO, folder, "XTTS-v2", REPOSITORY)
    arguments = _config(folder / "config.json")
    tokens = _vocabulary(folder / "vocab.json")
    _model(folder / "model.pth", arguments, tokens)
    _dvae(folder / "dvae.pth", int(arguments["gpt_num_audio_tokens"]) - 2)  # two codes more: begin and end
    _mel_stats(folder / "mel_stats.pth")
    _speakers(folder / "speakers_xtts.pth")


def fingerprint(folder: Path) -> str:
    """Short digest that tells the model of one base from another's. Quick: nothing is read but the file's directory."""
    return torch_file.fingerprint(folder / "model.pth")


def _config(path: Path) -> dict[str, Any]:
    """Its `model_args`."""
    config = json_object(path, _FROM)
    if config.get("model") != "xtts":
        what = f"for the model {config['model']!r}" if "model" in config else "no model's"
        raise WeightsMissing(f"{path.name} is {what}, not XTTS's.", _FROM)
    told = config.get("model_args")
    arguments: dict[str, Any] = told if isinstance(told, dict) else {}
    check_sizes(arguments, ("gpt_layers", "gpt_n_model_channels", "gpt_num_audio_tokens"), path.name, _FROM)
    return arguments


def _vocabulary(path: Path) -> int:
    """How many tokens it has: Coqui builds the model for as many, whatever config.json says."""
    tokenizer = json_object(path, _FROM)
    model, added = tokenizer.get("model"), tokenizer.get("added_tokens") or []
    words = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(model, dict) or not isinstance(words, dict) or not isinstance(model.get("merges"), list):
        raise WeightsMissing(
            f"{path.name} is no BPE tokenizer.", f"XTTS's has a vocabulary and merges: take it from {REPOSITORY}."
        )
    ids = words | {token.get("content"): token.get("id", 0) for token in added if isinstance(token, dict)}
    if absent := [word for word in SPECIAL if word not in ids]:
        raise WeightsMissing(f"{path.name} is the tokenizer of another model: it lacks {absent[0]}.", _FROM)
    return int(max(ids.values())) + 1


def _model(path: Path, arguments: dict[str, Any], tokens: int) -> None:
    found = _shapes(path)
    if "gpt.mel_embedding.weight" not in found:
        raise _another(path, found, "XTTS's weights")
    channels, layers = int(arguments["gpt_n_model_channels"]), int(arguments["gpt_layers"])
    wanted: Shapes = {
        "gpt.mel_embedding.weight": (int(arguments["gpt_num_audio_tokens"]), channels),
        f"gpt.gpt.h.{layers - 1}.attn.c_attn.weight": (channels, 3 * channels),
        "gpt.conditioning_encoder.init.weight": (channels, BANDS, 1),
    }
    check_shapes(found, wanted, f"{path.name} does not belong to config.json", "Take both from one folder.")
    if (rows := found.get("gpt.text_embedding.weight", (0,))[0]) != tokens:
        sentence = (
            f"{path.name} does not belong to vocab.json: it was made for {rows:,} tokens, and there are {tokens:,}."
        )
        raise WeightsMissing(sentence, "Take both from one folder.")
    check_layers(found, f"gpt.gpt.h.{layers}.attn.c_attn.weight", layers, path.name, "Take both from one folder.")
    if not any(name.startswith("hifigan_decoder.waveform_decoder.") for name in found):
        raise WeightsMissing(
            f"{path.name} has the GPT only, and no vocoder.", f"Take the whole model from {REPOSITORY}."
        )


def _dvae(path: Path, codes: int) -> None:
    found = _shapes(path)
    wanted: Shapes = {
        "encoder.0.0.weight": (CODEBOOK, BANDS, 3),
        "encoder.1.0.weight": (INNER, CODEBOOK, 3),
        **{
            f"encoder.{block}.net.{layer}.weight": (INNER, INNER, size)
            for block in (2, 3, 4)
            for layer, size in ((0, 3), (2, 3), (4, 1))
        },
        "encoder.5.weight": (CODEBOOK, INNER, 1),
        "codebook.embed": (CODEBOOK, codes),
    }
    if "codebook.embed" not in found:
        raise _another(path, found, "XTTS's DVAE")
    hint = f"Take it from where model.pth is from, or from {REPOSITORY}."
    check_shapes(found, wanted, f"{path.name} is not this model's DVAE", hint)


def _mel_stats(path: Path) -> None:
    if _shapes(path) != {"": (BANDS,)}:
        raise WeightsMissing(f"{path.name} is not the {BANDS} numbers that mel bands are divided by.", _FROM)


def _speakers(path: Path) -> None:
    names = _shapes(path)
    if not any(name.endswith("/gpt_cond_latent") for name in names) or not any(
        name.endswith("/speaker_embedding") for name in names
    ):
        raise WeightsMissing(f"{path.name} has no stock speakers.", _FROM)


def _another(path: Path, found: Shapes, wanted: str) -> WeightsMissing:
    """What a file is that is not what its name says."""
    kinds = (
        ("gpt.mel_embedding.weight", "the model itself"),
        ("codebook.embed", "a DVAE"),
        ("text_embedding.weight", "a GPT without the rest of the model"),
    )
    what = next((what for name, what in kinds if name in found), f"something else, with {len(found)} tensors")
    return WeightsMissing(f"{path.name} is not {wanted}: it is {what}.", _FROM)


def _shapes(path: Path) -> Shapes:
    """Of the tensors by their names in the model. Checkpoints have a state dict under "model"; those of Coqui's
    trainer, "xtts." too."""
    facts: dict[str, TensorFacts] = torch_file.tensors(path)
    return {name.removeprefix("model/").removeprefix("xtts."): tensor.shape for name, tensor in facts.items()}
