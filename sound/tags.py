"""What every generated file says of itself: that it is synthetic speech, of which voice, made by which Myna. As each
format has it: LIST/INFO in WAV, Vorbis comments in FLAC, Ogg and Opus, ID3 in MP3 and before AAC's frames."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

#: Names of the tags that hold voice, program and remark: in FFmpeg's containers, in libsndfile, and in WAV's INFO list.
_AV, _SNDFILE = ("artist", "encoded_by", "comment"), ("artist", "software", "comment")
_INFO = (b"IART", b"ISFT", b"ICMT")
LONGEST = 200  #: characters of a voice that are written


@cache
def maker() -> str:
    """Myna's name and version."""
    try:
        return f"Myna {version('myna-voice')}"
    except PackageNotFoundError:
        return "Myna"


@dataclass(frozen=True)
class Tag:
    """Of one generated file."""

    voice: str = ""  #: who speaks, as "anna@7"; empty: it is not told

    @property
    def values(self) -> tuple[str, str, str]:
        """Voice, program, remark, for people."""
        voice = "".join(one for one in self.voice if one.isprintable())[:LONGEST]
        of = f" of the voice {voice}" if voice else ""
        return voice, maker(), f"Synthetic speech{of}, made by {maker()}"

    def metadata(self) -> dict[str, str]:
        """For a container of FFmpeg."""
        return {name: value for name, value in zip(_AV, self.values, strict=True) if value}

    def put(self, file: Any) -> None:
        """Into an open `soundfile.SoundFile`, before its samples."""
        for name, value in zip(_SNDFILE, self.values, strict=True):
            if value:
                setattr(file, name, value)

    def info(self) -> bytes:
        """WAV's LIST chunk."""
        parts = b"INFO"
        for name, value in zip(_INFO, self.values, strict=True):
            if value:
                text = value.encode("utf-8") + b"\0"
                parts += name + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2)
        return b"LIST" + struct.pack("<I", len(parts)) + parts
