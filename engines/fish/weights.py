"""The base's files: where they are, and whether they are what they should be. Imports nothing heavy; nothing is
unpickled here.

What can be told from outside (names and shapes, by `engines.torch_file`) is told here, in one sentence a fault: stock
fish-speech loads with strict=False, and what is missing stays random without a word to the person.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines import torch_file, weights
from engines.base_files import Shapes, check_layers, check_shapes, check_sizes, check_whole, json_object
from engines.errors import WeightsMissing
from engines.fish import codec_shape
from engines.fish.info import INFO, REPOSITORY

#: What a text's marks and a frame's first code need in the vocabulary.
SPECIAL = ("<|im_end|>", "<|interleave|>", "<|semantic:0|>")
#: Sizes that `config.json` must tell.
NEEDED = ("vocab_size", "n_layer", "dim", "n_head", "codebook_size", "num_codebooks")
_FROM = f"Take it from {REPOSITORY}."
_TOGETHER = "Take both from one folder."


def base_dir() -> Path:
    """Folder with model.pth, codec.pth, config.json, tokenizer.tiktoken and special_tokens.json: `MYNA_FISH_BASE`,
    else `engines/fish` in Myna's home. Raises WeightsMissing with how to get them."""
    return weights.base_dir(INFO)


def check(folder: Path) -> None:
    """Raises WeightsMissing, with a sentence and what to do, if the folder is not a whole base whose files belong
    together. Reads the small files and the directories of the big ones: a fraction of a second."""
    check_whole(INFO, folder, "openaudio-s1-mini", REPOSITORY)
    config = read_config(folder / "config.json")
    _vocabulary(folder, config)
    _model(folder / "model.pth", config)
    _codec(folder / "codec.pth", config)


def fingerprint(folder: Path) -> str:
    """Short digest that tells the model of one base from another's. Quick: nothing is read but the file's directory."""
    return torch_file.fingerprint(folder / "model.pth")


def read_config(path: Path) -> dict[str, Any]:
    """`config.json`. Raises WeightsMissing for one of another kind of model."""
    config = json_object(path, _FROM)
    if config.get("model_type") != "dual_ar":
        what = f"for a model of the kind {config['model_type']!r}" if "model_type" in config else "no model's"
        raise WeightsMissing(f"{path.name} is {what}, not openaudio-s1-mini's (dual_ar).", _FROM)
    check_sizes(config, NEEDED, path.name, _FROM)
    return config


def _vocabulary(folder: Path, config: dict[str, Any]) -> None:
    special = json_object(folder / "special_tokens.json", _FROM)
    if absent := [token for token in SPECIAL if not isinstance(special.get(token), int)]:
        raise WeightsMissing(f"special_tokens.json is of another model: it lacks {absent[0]}.", _FROM)
    semantic = sum(token.startswith("<|semantic:") for token in special)
    if semantic != config["codebook_size"]:
        sentence = (
            f"special_tokens.json does not belong to config.json: it has {semantic:,} semantic tokens and should have "
            f"{config['codebook_size']:,}."
        )
        raise WeightsMissing(sentence, _TOGETHER)
    if (highest := max(special.values())) >= config["vocab_size"]:
        sentence = f"special_tokens.json does not belong to config.json: it goes up to token {highest:,} of "
        raise WeightsMissing(sentence + f"{config['vocab_size']:,}.", _TOGETHER)
    path = folder / "tokenizer.tiktoken"
    with path.open("rb") as file:
        first = file.readline(200).split()
    if len(first) != 2 or not first[1].isdigit():
        raise WeightsMissing(f"{path.name} is no tokenizer of tiktoken's kind.", _FROM)


def _model(path: Path, config: dict[str, Any]) -> None:
    found = model_shapes(path)
    layers, dim, vocabulary = config["n_layer"], config["dim"], config["vocab_size"]
    wanted: Shapes = {
        "embeddings.weight": (vocabulary, dim),
        "codebook_embeddings.weight": (config["codebook_size"] * config["num_codebooks"], dim),
        "norm.weight": (dim,),
        f"layers.{layers - 1}.attention_norm.weight": (dim,),
        f"fast_layers.{config.get('n_fast_layer', 4) - 1}.attention_norm.weight": (config.get("fast_dim") or dim,),
        "fast_output.weight": (config["codebook_size"], config.get("fast_dim") or dim),
    }
    if not config.get("tie_word_embeddings", True):
        wanted["output.weight"] = (vocabulary, dim)
    if "codebook_embeddings.weight" not in found:
        what = "a codec" if any("quantizer." in name for name in found) else f"something else, {len(found)} tensors"
        raise WeightsMissing(f"{path.name} is not openaudio-s1-mini's weights: it is {what}.", _FROM)
    check_shapes(found, wanted, f"{path.name} does not belong to config.json", _TOGETHER)
    check_layers(found, f"layers.{layers}.attention_norm.weight", layers, path.name, _TOGETHER)
    if any(".lora_" in name for name in found):
        raise WeightsMissing(
            f"{path.name} has adapters that were not merged.", "Merge them first, and give the merged model."
        )


def _codec(path: Path, config: dict[str, Any]) -> None:
    shape = codec_shape.of(codec_shapes(path), path.name)
    if shape.codebooks + 1 != config["num_codebooks"] or shape.semantic_size != config["codebook_size"]:
        sentence = (
            f"codec.pth does not belong to config.json: it has {shape.codebooks + 1} codebooks, the first of "
            f"{shape.semantic_size:,} codes, and should have {config['num_codebooks']} and {config['codebook_size']:,}."
        )
        raise WeightsMissing(sentence, _TOGETHER)


def codec_shapes(path: Path) -> Shapes:
    """Of the codec's tensors by name. Raises WeightsMissing."""
    return {codec_shape.plain(name): tensor.shape for name, tensor in torch_file.tensors(path).items()}


def model_shapes(path: Path) -> Shapes:
    """Of the transformer's tensors by name: those of a training's checkpoint have prefixes. Raises WeightsMissing."""
    facts = torch_file.tensors(path)
    return {name.removeprefix("state_dict/").removeprefix("model."): tensor.shape for name, tensor in facts.items()}
