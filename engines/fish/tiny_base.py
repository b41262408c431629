"""A base in openaudio-s1-mini's own file format that is small enough to make in a second: random weights, for tests and
for trying the way out.

    python -m engines.fish.tiny_base FOLDER

What it says is noise of about the right length.
"""

from __future__ import annotations

import base64
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engines.fish import codec, network
from engines.fish.codec_shape import CodecShape, TransformerShape
from engines.fish.upstream import IM_END_TOKEN, DualARTransformer

SEED = 11
#: Frames after which speech ends, on average, where nothing was learned.
MEAN_FRAMES = 50
#: How far texts' tokens lie below codes, nats: an untrained model would say text else.
BELOW = 40.0
#: What the published list has before its semantic tokens.
SPECIAL = (
    "<|begin_of_text|>", "<|end_of_text|>", "<|pad|>", "<|im_start|>", "<|im_end|>", "<|phoneme_start|>",
    "<|phoneme_end|>", "<|tool_call_start|>", "<|tool_call_end|>", "<|text|>", "<|voice|>", "<|interleave|>",
    "<|audio_start|>", "<|audio_end|>", "<|audio|>",
)  # fmt: skip


@dataclass(frozen=True)
class Size:
    """What of openaudio-s1-mini can be chosen."""

    config: Mapping[str, Any]  #: of `config.json`, without the vocabulary's size
    ranks: int  #: pieces of text in the vocabulary: the 256 bytes, and beyond them ones that no text has
    codec: CodecShape
    dtype: torch.dtype


_COMMON = {
    "model_type": "dual_ar", "num_codebooks": 10, "rope_base": 1_000_000, "norm_eps": 1e-6, "dropout": 0.0,
    "tie_word_embeddings": False, "attention_qkv_bias": False, "attention_o_bias": False, "attention_qk_norm": True,
    "fast_attention_qkv_bias": False, "fast_attention_o_bias": False, "fast_attention_qk_norm": False,
    "scale_codebook_embeddings": True, "is_reward_model": False, "use_gradient_checkpointing": True,
    "initializer_range": 0.03125,
}  # fmt: skip
TINY = Size(
    config={
        **_COMMON, "codebook_size": 128, "dim": 64, "n_layer": 3, "n_head": 4, "n_local_heads": 2, "head_dim": 32,
        "intermediate_size": 128, "max_seq_len": 4_096, "n_fast_layer": 2, "fast_dim": 64, "fast_n_head": 2,
        "fast_n_local_heads": 1, "fast_head_dim": 32, "fast_intermediate_size": 96,
    },
    ranks=256,
    codec=CodecShape(
        encoder_dim=8, encoder_rates=(2, 4, 8, 8),
        encoder_transformers=(None, None, None, TransformerShape(1, 128, 128, 1_536)), latent=128, decoder_dim=96,
        decoder_rates=(8, 8, 4, 2), codebooks=9, codebook_size=128, codebook_dim=8,
        semantic_size=128, downsample=(2, 2), before=TransformerShape(1, 128, 128, 512),
        after=TransformerShape(1, 128, 128, 512),
    ),
    dtype=torch.float32,
)  # fmt: skip
#: As published: 860 M parameters in bfloat16, and the codec. Takes half a minute and 3.4 GB; for benchmarks.
FULL = Size(
    config={
        **_COMMON, "codebook_size": 4_096, "dim": 1_024, "n_layer": 28, "n_head": 16, "n_local_heads": 8,
        "head_dim": 128, "intermediate_size": 3_072, "max_seq_len": 8_192, "n_fast_layer": 4, "fast_dim": 1_024,
        "fast_n_head": 16, "fast_n_local_heads": 8, "fast_head_dim": 64, "fast_intermediate_size": 3_072,
    },
    ranks=155_776 - len(SPECIAL) - 4_096,
    codec=CodecShape(
        encoder_dim=64, encoder_rates=(2, 4, 8, 8),
        encoder_transformers=(None, None, None, TransformerShape(4, 1_024, 3_072, 4_096)), latent=1_024,
        decoder_dim=1_536, decoder_rates=(8, 8, 4, 2), codebooks=9, codebook_size=1_024, codebook_dim=8,
        semantic_size=4_096, downsample=(2, 2), before=TransformerShape(8, 1_024, 3_072, 4_096),
        after=TransformerShape(8, 1_024, 3_072, 4_096),
    ),
    dtype=torch.bfloat16,
)  # fmt: skip


def write(folder: Path, size: Size = TINY) -> None:
    """Write all five files into `folder`, which is made; the same ones each time."""
    folder.mkdir(parents=True, exist_ok=True)
    state = torch.random.get_rng_state()
    torch.manual_seed(SEED)
    try:
        _tokenizer(folder, size)
        config = {**size.config, "vocab_size": size.ranks + len(SPECIAL) + size.config["codebook_size"]}
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        torch.save(_transformer(folder, size), folder / "model.pth")
        torch.save(_codec(size), folder / "codec.pth")
    finally:
        torch.random.set_rng_state(state)


def _tokenizer(folder: Path, size: Size) -> None:
    pieces = [bytes([value]) for value in range(256)]
    pieces += [b"\x00\xff" + number.to_bytes(4, "big") for number in range(size.ranks - 256)]
    lines = (f"{base64.b64encode(piece).decode()} {rank}" for rank, piece in enumerate(pieces))
    (folder / "tokenizer.tiktoken").write_text("\n".join(lines) + "\n")
    semantic = (f"<|semantic:{number}|>" for number in range(size.config["codebook_size"]))
    special = {token: size.ranks + number for number, token in enumerate((*SPECIAL, *semantic))}
    (folder / "special_tokens.json").write_text(json.dumps(special, indent=1) + "\n", encoding="utf-8")


def _transformer(folder: Path, size: Size) -> dict[str, torch.Tensor]:
    """Random weights, but for what has it say codes, and come to an end."""
    config, tokenizer = network.read_config(folder), network.read_tokenizer(folder)
    with torch.device("meta"):
        model = DualARTransformer(config, tokenizer=tokenizer)
    spread = config.initializer_range
    state = {
        name: torch.ones(shape.shape, dtype=size.dtype)
        if name.endswith("norm.weight")
        else (torch.randn(shape.shape, dtype=size.dtype) * spread).to(size.dtype)
        for name, shape in model.state_dict().items()
    }
    # the first channel is the same everywhere: no layer writes to it, and the head has its biases there
    state["embeddings.weight"][:, 0] = 4 * spread
    state["codebook_embeddings.weight"][:, 0] = 0
    scaled = math.sqrt(config.num_codebooks + 1) - 1 if config.scale_codebook_embeddings else 0.0
    state["codebook_embeddings.weight"][: config.codebook_size, 0] = 4 * spread * scaled
    for name, weight in state.items():
        if name.startswith("layers.") and name.endswith(("wo.weight", "w2.weight")):
            weight[0] = 0
    head = state["output.weight"]
    head[:, 0] = 0
    head[: size.ranks + len(SPECIAL), 0] = -BELOW
    head[tokenizer.get_token_id(IM_END_TOKEN), 0] = math.log(config.codebook_size / MEAN_FRAMES)
    return state


def _codec(size: Size) -> dict[str, torch.Tensor]:
    """Stock's own random weights, louder, so that sound comes out of it, and codes are not all one."""
    built = codec.build(size.codec).eval()
    state: dict[str, torch.Tensor] = built.state_dict()
    for name, tensor in state.items():
        if name.endswith(".layer_scale.gamma") or "codebook" in name:
            tensor.normal_()
        elif name.endswith(".gamma"):
            tensor.fill_(0.2)
        elif name.endswith((".original0", ".weight_g")):
            tensor.mul_(1.3)
    return state


if __name__ == "__main__":
    write(Path(sys.argv[1]))
