"""Make a Whisper model in CTranslate2's format with random weights: everything but the sense. No download.

    python tests/engines/transcription/tiny_whisper.py FOLDER

Its vocabulary has the real one's layout (text, special tokens, timestamps) but few words. It is an English-only model,
as whisper-tiny.en is one, unless it is asked to be of all languages. It babbles a few words for any sound, the same
ones for the same sound.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

#: Length of a window in frames, longest text in tokens, mel bands.
FRAMES, TOKENS, MELS = 1500, 448, 80
#: Added to the logit of <|endoftext|>, so that it stops babbling after some words.
_STOP = 3.0
#: Added to that of a language that it is to be sure of.
_SURE = 12.0


@dataclass(frozen=True)
class Size:
    """How large a model is."""

    width: int = 16
    layers: int = 1  #: of each half
    heads: int = 2
    text_tokens: int = 300  #: bytes first; <|endoftext|> follows them
    multilingual: bool = False
    speaks: str = ""  #: the language that it takes everything for, ISO 639-1; empty: any, at random


TINY = Size()
#: It tells a hundred languages, at random.
MULTILINGUAL = Size(multilingual=True)
#: As whisper-base.en is.
BASE = Size(512, 6, 8, 50_257)


def build(folder: Path, size: Size = TINY) -> Path:
    """Write the model into `folder` (made if need be): model.bin, config.json, tokenizer.json,
    preprocessor_config.json."""
    from ctranslate2.specs import whisper_spec

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer, languages = _tokenizer(size.text_tokens)
    vocabulary = [token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    vocabulary += [f"<|{number * 0.02:.2f}|>" for number in range(1501)]
    if size.multilingual:  # by an empty word CTranslate2 tells such a model from one of English alone
        vocabulary[size.text_tokens - 1] = ""
    spec = whisper_spec.WhisperSpec(size.layers, size.heads, size.layers, size.heads)
    _fill(spec, size.width, len(vocabulary), tokenizer.token_to_id("<|endoftext|>"))
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    if size.speaks:  # it is sure of the language, and does not babble its name
        language = tokenizer.token_to_id(f"<|{size.speaks}|>")
        spec.decoder.projection.bias[language] = _SURE
        spec.config.suppress_ids = [language]
    spec.config.lang_ids = [tokenizer.token_to_id(language) for language in languages]
    spec.config.alignment_heads = [(0, 0), (0, 1)]
    spec.register_vocabulary(vocabulary)
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    features = {"feature_size": MELS, "hop_length": 160, "n_fft": 400, "sampling_rate": 16_000}
    (folder / "preprocessor_config.json").write_text(json.dumps(features))
    return folder


def _fill(spec: Any, width: int, words: int, stop: int) -> None:
    """Random weights of the right shapes."""
    inner = width if width < 64 else 4 * width
    random = np.random.default_rng(0)

    def weight(*shape: int) -> Any:
        return random.normal(0, 1.2 / width**0.5, shape).astype(np.float32)

    def linear(layer: Any, outputs: int, inputs: int) -> None:
        layer.weight, layer.bias = weight(outputs, inputs), weight(outputs)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(width, np.float32), np.zeros(width, np.float32)

    def attention(layer: Any, *outputs: int) -> None:
        norm(layer.layer_norm)
        for one, size in zip(layer.linear, outputs, strict=True):
            linear(one, size, width)

    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = weight(width, MELS, 3), weight(width)
    encoder.conv2.weight, encoder.conv2.bias = weight(width, width, 3), weight(width)
    encoder.position_encodings.encodings = weight(FRAMES, width)
    decoder.position_encodings.encodings = weight(TOKENS, width)
    decoder.embeddings.weight = decoder.projection.weight = weight(words, width)
    decoder.projection.bias = np.zeros(words, np.float32)
    decoder.projection.bias[stop] = _STOP
    for half in (encoder, decoder):
        norm(half.layer_norm)
        for layer in half.layer:
            attention(layer.self_attention, 3 * width, width)
            norm(layer.ffn.layer_norm)
            linear(layer.ffn.linear_0, inner, width)
            linear(layer.ffn.linear_1, width, inner)
    for layer in decoder.layer:
        attention(layer.attention, width, 2 * width, width)


def _tokenizer(text_tokens: int) -> tuple[Any, list[str]]:
    """A tokenizer of bytes and filler words, and its language tokens."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {letter: number for number, letter in enumerate(letters)}
    words |= {f"Ġw{number}": number for number in range(len(letters), text_tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    # Of the hundred codes, English comes first
    languages = [f"<|{code}|>" for code in sorted(_LANGUAGE_CODES, key=lambda code: code != "en")]
    after = ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True) for t in ["<|endoftext|>", "<|startoftranscript|>", *languages, *after]]
    )
    return tokenizer, languages


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
