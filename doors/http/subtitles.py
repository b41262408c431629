"""Subtitles of speech: which stretch of the text lies where in the sound."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Subtitles(StrEnum):
    """Formats of subtitles."""

    SRT = "srt"
    VTT = "vtt"


@dataclass(frozen=True)
class Stretch:
    """Of the text, with its place in the sound, seconds."""

    text: str
    start: float
    end: float


def media_type(format: Subtitles) -> str:
    """Content-Type of subtitles."""
    return "text/vtt; charset=utf-8" if format is Subtitles.VTT else "application/x-subrip; charset=utf-8"


def written(format: Subtitles, stretches: Iterable[Stretch]) -> str:
    """A file of subtitles."""
    mark = "." if format is Subtitles.VTT else ","
    cues = [
        f"{number}\n{_time(one.start, mark)} --> {_time(one.end, mark)}\n{_plain(format, one.text)}\n"
        for number, one in enumerate(stretches, 1)
    ]
    return ("WEBVTT\n\n" if format is Subtitles.VTT else "") + "\n".join(cues)


def _time(seconds: float, mark: str) -> str:
    whole = round(seconds * 1000)
    hours, rest = divmod(whole, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{mark}{rest % 1000:03}"


def _plain(format: Subtitles, text: str) -> str:
    """On one line, without what a cue gives a meaning to."""
    text = " ".join(text.split())
    if format is Subtitles.VTT:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("-->", "→")
