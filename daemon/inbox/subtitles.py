"""Subtitles beside a recording: `a.srt` (SubRip) and `a.vtt` (WebVTT) say what is said, and when."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from proto import myna_pb2 as pb

ENDINGS = (b".srt", b".vtt")
_MOMENT = r"(?:(\d{1,3}):)?([0-5]?\d):([0-5]?\d)[,.](\d{1,3})"
_TIMES = re.compile(rf"\s*{_MOMENT}\s*-->\s*{_MOMENT}(?:\s.*)?")
#: Marks inside a line: voices, italics, places on the screen.
_MARK = re.compile(r"<[^<>]{0,200}>|\{[^{}]{0,200}\}")
#: What is heard and not said: "[Music]", "(laughs)", "♪ … ♪".
_SOUND = re.compile(r"\[[^\[\]]{0,200}\]|\([^()]{0,200}\)|♪[^♪]{0,400}♪?")
#: Blocks of a WebVTT file that are no words.
_ASIDE = ("NOTE", "STYLE", "REGION", "WEBVTT")


class Cue(NamedTuple):
    """What is said between two times, seconds of the recording."""

    start: float
    end: float
    text: str


def read(text: str) -> list[Cue]:
    """The cues of a SubRip or WebVTT file in the order of their times; those that say nothing, or go backwards, are
    left out. Lines that a cue has in common with the one before (captions that roll up) are said once."""
    found: list[Cue] = []
    before: Sequence[str] = ()
    for times, lines in _blocks(text):
        start, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
        fresh = list(lines)
        while fresh and before and fresh[0] in before:
            fresh = fresh[1:]
        before = lines or before
        words = " ".join(" ".join(fresh).split())
        if words and end > start:
            found.append(Cue(start, end, words))
    return sorted(found, key=lambda cue: (cue.start, cue.end))


def said(cues: Sequence[Cue]) -> str:
    """All that is said, on one line."""
    return " ".join(cue.text for cue in cues)


def _blocks(text: str) -> Iterator[tuple[re.Match[str], list[str]]]:
    """(times, lines that are said) of each cue."""
    times: re.Match[str] | None = None
    lines: list[str] = []
    aside = False
    for raw in [*text.splitlines(), ""]:
        line = raw.strip("\ufeff \t")
        if not line:
            if times is not None:
                yield times, lines
            times, lines, aside = None, [], False
        elif not aside and len(line) < 200 and (found := _TIMES.fullmatch(line)) is not None:
            if times is not None:  # no empty line between two cues: the last one is the number of this one
                yield times, lines[:-1] if lines and lines[-1].isdecimal() else lines
            times, lines = found, []
        elif times is not None:
            if spoken := _spoken(line):
                lines.append(spoken)
        elif line.split()[0] in _ASIDE:
            aside = True


def _spoken(line: str) -> str:
    """A line without its marks, as it is said."""
    words = html.unescape(_MARK.sub("", line))
    return " ".join(_SOUND.sub(" ", words).removeprefix("- ").removeprefix("– ").split())


def _seconds(moment: Sequence[str | None]) -> float:
    hours, minutes, seconds, parts = moment
    value = (
        int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + int((parts or "0").ljust(3, "0")) / 1000
    )
    return value if math.isfinite(value) else 0.0


def wire_cues(cues: Sequence[Cue]) -> list[pb.Cue]:
    """As they go over the wire."""
    return [pb.Cue(start=cue.start, end=cue.end, text=cue.text) for cue in cues]


def stored(cues: Sequence[pb.Cue]) -> list[list[float | str]]:
    """As a row keeps them."""
    return [[cue.start, cue.end, cue.text] for cue in cues]


def of_row(cues: Sequence[Sequence[float | str]]) -> list[pb.Cue]:
    """What a row keeps, as it goes over the wire."""
    return [pb.Cue(start=float(start), end=float(end), text=str(text)) for start, end, text in cues]
