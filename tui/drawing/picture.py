"""What a drawing function gives: rows of runs of text, each with the role that decides its colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Run = tuple[str, str]  #: (text of single-width characters, role such as "axis" or "series-1")


@dataclass(frozen=True)
class Picture:
    """`rows` from the top, all as wide as the picture was asked to be."""

    rows: tuple[tuple[Run, ...], ...]

    @property
    def text(self) -> str:
        """The picture without its colours, lines without trailing blanks."""
        return "\n".join("".join(run for run, _ in row).rstrip() for row in self.rows)


def row(runs: Iterable[Run], width: int) -> tuple[Run, ...]:
    """The runs as one row of exactly `width` cells: filled up with blanks, or cut with an ellipsis."""
    kept: list[Run] = []
    left = width
    for text, role in runs:
        if len(text) > left:
            kept.append((text[: left - 1] + "…" if left > 0 else "", role))
            left = 0
            break
        kept.append((text, role))
        left -= len(text)
    return (*kept, (" " * left, "")) if left else tuple(kept)


def cells(width: int, drawn: Mapping[int, Run]) -> tuple[Run, ...]:
    """A row of single characters by column, neighbours of one role joined; columns that nobody drew are blank."""
    runs: list[Run] = []
    letters: list[str] = []
    role = ""
    for column in range(width):
        letter, its = drawn.get(column, (" ", ""))
        if its != role and letters:
            runs.append(("".join(letters), role))
            letters = []
        role = its
        letters.append(letter)
    if letters:
        runs.append(("".join(letters), role))
    return tuple(runs)


def over(picture: Picture, column: int, run: Run) -> Picture:
    """The picture with one character put over this column of every row."""
    return Picture(tuple(_put(each, column, run) for each in picture.rows))


def _put(runs: tuple[Run, ...], column: int, run: Run) -> tuple[Run, ...]:
    start = 0
    for place, (text, role) in enumerate(runs):
        if start <= column < start + len(text):
            before, after = text[: column - start], text[column - start + 1 :]
            middle = [(part, its) for part, its in ((before, role), run, (after, role)) if part]
            return (*runs[:place], *middle, *runs[place + 1 :])
        start += len(text)
    return runs


def sentence(words: str, width: int, height: int, role: str = "note") -> Picture:
    """A picture that only says something, in its middle."""
    middle = (height - 1) // 2
    rows: Sequence[tuple[Run, ...]] = [
        row([(words.center(width), role)] if line == middle else [], width) for line in range(height)
    ]
    return Picture(tuple(rows))
