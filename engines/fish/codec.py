"""The codec of openaudio-s1-mini: sound to ten codes a frame, and back (`codec_stream.py`).

Its modules are built as big as `codec.pth` says (`codec_shape.py`) and filled by memory map. Its transformers store
causal masks of hundreds of megabytes, which are never read: what they compute is asked for with masks of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils import parametrize

from engines.device import send
from engines.fish import codec_shape, network, weights
from engines.fish.codec_shape import HEAD, CodecShape, TransformerShape
from engines.fish.upstream import DAC, DownsampleResidualVectorQuantize, ModelArgs, WindowLimitedTransformer

#: Positions that the transformers around the quantizer look back, and those of the encoder; as fish-speech has them.
WINDOW, ENCODER_WINDOW = 128, 512
#: What weight normalisation called its two parts before torch 2, and calls them now, and the way back.
_NOW = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}
_BEFORE = {new: old for old, new in _NOW.items()}


def load(folder: Path) -> Any:
    """The codec in a base's folder, fish-speech's DAC, on the CPU and in evaluation mode. Raises WeightsMissing."""
    path = folder / "codec.pth"
    shape = codec_shape.of(weights.codec_shapes(path), path.name)
    with torch.device("meta"), torch.no_grad():  # else normalised weights hold on to their parts
        codec = build(shape)
    state = {codec_shape.plain(name): value for name, value in network.read(path).items()}
    wanted = codec.state_dict()
    network.fill(codec, {_present(name, wanted): value for name, value in state.items()}, path)
    codec.eval()
    return codec


def listener(folder: Path) -> Any:
    """The half that makes codes."""
    codec = load(folder)
    codec.decoder = codec.quantizer.upsample = codec.quantizer.post_module = torch.nn.Identity()
    _fold(codec)
    return codec


def speaker(folder: Path) -> Any:
    """The half that makes sound."""
    codec = load(folder)
    codec.encoder = codec.quantizer.downsample = codec.quantizer.pre_module = torch.nn.Identity()
    _fold(codec)
    return codec


def build(shape: CodecShape) -> Any:
    """Stock's modules of these sizes, as `modded_dac_vq.yaml` puts them together."""
    blocks = [one for one in shape.encoder_transformers if one is not None]
    of_encoder = blocks[0] if blocks else TransformerShape(0, HEAD, HEAD, 1)

    def general(**given: Any) -> Any:
        return ModelArgs(block_size=of_encoder.positions, n_local_heads=-1, head_dim=HEAD, **given)

    quantizer = DownsampleResidualVectorQuantize(
        input_dim=shape.latent,
        n_codebooks=shape.codebooks,
        codebook_size=shape.codebook_size,
        codebook_dim=shape.codebook_dim,
        quantizer_dropout=0.5,
        downsample_factor=shape.downsample,
        pre_module=_around(shape.before, shape.latent),
        post_module=_around(shape.after, shape.latent),
        semantic_codebook_size=shape.semantic_size,
    )
    return DAC(
        sample_rate=44_100,
        encoder_dim=shape.encoder_dim,
        encoder_rates=list(shape.encoder_rates),
        decoder_dim=shape.decoder_dim,
        decoder_rates=list(shape.decoder_rates),
        latent_dim=shape.latent,
        encoder_transformer_layers=[0 if one is None else one.layers for one in shape.encoder_transformers],
        decoder_transformer_layers=[0 for _ in shape.decoder_rates],  # stock builds those and uses none
        transformer_general_config=general,
        quantizer=quantizer,
    )


def encode(codec: Any, sound: torch.Tensor) -> NDArray[np.int16]:
    """Codes (10, frames) of sound (n,) at 44.1 kHz. One by one: several at once take longer on a CPU, whose caches
    hold one clip's layers. Call under `torch.inference_mode()`."""
    frame: int = codec.frame_length
    whole = torch.nn.functional.pad(sound, (0, -len(sound) % frame))
    codes, _ = codec.encode(send(whole, next(codec.parameters()).device)[None, None])
    return codes[0].to(torch.int16).cpu().numpy()  # type: ignore[no-any-return]


def _around(shape: TransformerShape | None, latent: int) -> Any:
    if shape is None:
        return None
    config = ModelArgs(
        block_size=shape.positions,
        n_layer=shape.layers,
        n_head=shape.dim // HEAD,
        dim=shape.dim,
        intermediate_size=shape.inner,
        n_local_heads=-1,
        head_dim=HEAD,
        channels_first=True,
    )
    return WindowLimitedTransformer(causal=True, window_size=WINDOW, input_dim=latent, config=config)


def _present(name: str, wanted: dict[str, Any]) -> str:
    """What a tensor of the file is called by this torch."""
    if name in wanted:
        return name
    for endings in (_NOW, _BEFORE):
        for there, here in endings.items():
            if name.endswith(there) and name.removesuffix(there) + here in wanted:
                return name.removesuffix(there) + here
    return name


def _fold(codec: Any) -> None:
    """Weights as they are used, in place of the two parts that weight normalisation makes them of at each use."""
    for module in codec.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
        elif hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)
    codec.requires_grad_(False)
