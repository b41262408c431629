"""What the model is given to read, built in one place for training and speaking, as stock fish-speech builds it:

    <|interleave|> { <|speaker:0|> text codes <|im_end|> } <|speaker:0|> text | codes <|im_end|>

each reference in braces, and after the bar what it says. A position is a row of ints: a token, and the ten codes of a
frame (zeros where the token is text).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.errors import BadInput
from engines.fish.upstream import IM_END_TOKEN, MODALITY_INTERLEAVE_TOKEN

#: Who speaks; there is one voice.
SPEAKER = "<|speaker:0|>"


@dataclass(frozen=True)
class Reference:
    """A recording of the voice, as the model reads it."""

    text: tuple[int, ...]  #: tokens
    codes: NDArray[np.int16]  #: (codebooks, frames)


class Prompts:
    """The builder for one vocabulary."""

    def __init__(self, tokenizer: Any, codebooks: int) -> None:
        self._tokenizer, self._codebooks = tokenizer, codebooks
        self.end: int = tokenizer.get_token_id(IM_END_TOKEN)
        self.semantic: int = tokenizer.semantic_begin_id  #: token of the first code of the first codebook
        self._interleave = [tokenizer.get_token_id(MODALITY_INTERLEAVE_TOKEN)]
        self._speaker = list(tokenizer.encode(SPEAKER))

    def tokens(self, text: str) -> list[int]:
        """Of a text; what looks like a special token in it is text. Raises BadInput for no text."""
        ids: list[int] = self._tokenizer.encode(text, allowed_special=False)
        if not text.strip() or not ids:
            raise BadInput("There is no text.", "Give a text with at least one word.")
        return ids

    def opening(self, references: Sequence[Reference]) -> torch.Tensor:
        """What stands before every text of a voice, (positions, 1 + codebooks) int64."""
        rows = [self._text(self._interleave)]
        for one in references:
            rows += [self._text([*self._speaker, *one.text]), self.frames(one.codes), self._text([self.end])]
        return torch.cat(rows)

    def line(self, text: Sequence[int]) -> torch.Tensor:
        """A text to be said, (positions, 1 + codebooks) int64."""
        return self._text([*self._speaker, *text])

    def frames(self, codes: NDArray[np.int16]) -> torch.Tensor:
        """Codes (codebooks, frames), (frames, 1 + codebooks) int64."""
        rows = torch.from_numpy(codes.astype(np.int64)).t()
        return torch.cat([rows[:, :1] + self.semantic, rows], dim=1)

    def _text(self, tokens: Sequence[int]) -> torch.Tensor:
        rows = torch.zeros(len(tokens), 1 + self._codebooks, dtype=torch.int64)
        rows[:, 0] = torch.tensor(tokens)
        return rows
