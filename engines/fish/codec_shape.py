"""How big a codec is, told by the shapes of its tensors: `codec.pth` carries no configuration. Imports nothing heavy.

The published one is what fish-speech's `modded_dac_vq.yaml` says; smaller ones of the same kind are taken as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engines.errors import WeightsMissing

Shapes = Mapping[str, tuple[int, ...]]

#: Size of an attention head in all of the codec's transformers.
HEAD = 64
#: Names that weight normalisation gives the two parts of a convolution, now and before torch 2: direction first.
_DIRECTION = (".parametrizations.weight.original1", ".weight_v")


@dataclass(frozen=True)
class TransformerShape:
    """One of the codec's transformers."""

    layers: int
    dim: int
    inner: int  #: of the feed-forward
    positions: int  #: it has rotations for


@dataclass(frozen=True)
class CodecShape:
    """What the modules are built from."""

    encoder_dim: int
    encoder_rates: tuple[int, ...]
    encoder_transformers: tuple[TransformerShape | None, ...]  #: at the end of each block
    latent: int
    decoder_dim: int
    decoder_rates: tuple[int, ...]
    codebooks: int  #: beside the semantic one
    codebook_size: int
    codebook_dim: int
    semantic_size: int
    downsample: tuple[int, ...]
    before: TransformerShape | None  #: of the quantizer
    after: TransformerShape | None

    @property
    def frame(self) -> int:
        """Samples a frame stands for."""
        samples = 1
        for rate in (*self.encoder_rates, *self.downsample):
            samples *= rate
        return samples


def plain(name: str) -> str:
    """A tensor's name in the model: training leaves prefixes before it."""
    return name.removeprefix("state_dict/").removeprefix("generator.")


def of(shapes: Shapes, where: str) -> CodecShape:
    """Of tensors by name. Raises WeightsMissing for what is no such codec; `where` names the file."""
    try:
        found = _of(shapes)
    except (KeyError, IndexError) as error:
        raise WeightsMissing(
            f"{where} is not the codec of openaudio-s1-mini: it lacks {error}.", "Take it from where model.pth is from."
        ) from error
    return found


def _of(shapes: Shapes) -> CodecShape:
    encoder_blocks = _count(shapes, "encoder.block.{}.block.0.block.0.alpha", first=1)
    decoder_blocks = _count(shapes, "decoder.model.{}.block.0.alpha", first=1)
    encoder_rates = tuple(
        _weight(shapes, f"encoder.block.{block + 1}.block.4.conv")[2] // 2 for block in range(encoder_blocks)
    )
    decoder_rates = tuple(
        _weight(shapes, f"decoder.model.{block + 1}.block.1.conv")[2] // 2 for block in range(decoder_blocks)
    )
    quantizers = _count(shapes, "quantizer.quantizer.quantizers.{}.codebook.weight")
    codebook = shapes["quantizer.quantizer.quantizers.0.codebook.weight"]
    steps = _count(shapes, "quantizer.downsample.{}.0.conv.weight")
    return CodecShape(
        encoder_dim=_weight(shapes, "encoder.block.0.conv")[0],
        encoder_rates=encoder_rates,
        encoder_transformers=tuple(
            _transformer(shapes, f"encoder.block.{block + 1}.block.5") for block in range(encoder_blocks)
        ),
        latent=_weight(shapes, f"encoder.block.{encoder_blocks + 2}.conv")[0],
        decoder_dim=_weight(shapes, "decoder.model.0.conv")[0],
        decoder_rates=decoder_rates,
        codebooks=quantizers,
        codebook_size=codebook[0],
        codebook_dim=codebook[1],
        semantic_size=shapes["quantizer.semantic_quantizer.quantizers.0.codebook.weight"][0],
        downsample=tuple(shapes[f"quantizer.downsample.{step}.0.conv.weight"][2] for step in range(steps)),
        before=_transformer(shapes, "quantizer.pre_module"),
        after=_transformer(shapes, "quantizer.post_module"),
    )


def _transformer(shapes: Shapes, at: str) -> TransformerShape | None:
    layers = _count(shapes, at + ".layers.{}.attention.wqkv.weight")
    if not layers:
        return None
    inner, dim = shapes[f"{at}.layers.0.feed_forward.w1.weight"]
    return TransformerShape(layers, dim, inner, shapes[f"{at}.freqs_cis"][0])


def _weight(shapes: Shapes, at: str) -> tuple[int, ...]:
    for ending in _DIRECTION:
        if at + ending in shapes:
            return shapes[at + ending]
    return shapes[f"{at}.weight"]


def _count(shapes: Shapes, pattern: str, first: int = 0) -> int:
    number = first
    while pattern.format(number) in shapes:
        number += 1
    return number - first
