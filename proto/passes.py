"""Passes over speech as people write them ("convert:anna,enhance"): the same for every command and door."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proto import myna_pb2 as pb
from proto.channel import ClientError

CONVERT, ENHANCE = "convert", "enhance"
#: How each is written, for people.
KNOWN = f"{CONVERT}:VOICE, {ENHANCE}"


def read(texts: Iterable[str]) -> list[pb.Pass]:
    """The passes in these texts, in order; each text has one or, with commas, several. Raises ClientError for what is
    none, naming those there are."""
    return [_one(part.strip()) for text in texts for part in text.split(",")]


def written(passes: Iterable[pb.Pass]) -> str:
    """As `read` takes them."""
    return ",".join(f"{CONVERT}:{one.convert.voice}" if one.HasField("convert") else ENHANCE for one in passes)


def who(version: str, passes: Sequence[pb.Pass]) -> str:
    """Who is heard, for a file's tag: "bob@7", or where it sounds like another voice, "bob@7 as anna"."""
    converted = [one.convert.voice for one in passes if one.HasField("convert")]
    return f"{version} as {converted[-1]}" if version and converted else version


def _one(text: str) -> pb.Pass:
    name, _, rest = text.partition(":")
    match name.strip(), rest.strip():
        case "convert", "":
            raise _wrong("The pass convert needs the voice to sound like.", f"Write {CONVERT}:VOICE.")
        case "convert", voice:
            if "@" in voice:
                sentence = (
                    f"The pass convert:{_short(voice)} names a version: sound is taken from a voice's recordings."
                )
                raise _wrong(sentence, f"Write {CONVERT}:{_short(voice.partition('@')[0])}.")
            return pb.Pass(convert=pb.ConvertPass(voice=voice))
        case "enhance", "" if ":" not in text:
            return pb.Pass(enhance=pb.EnhancePass())
        case "enhance", _:
            raise _wrong("The pass enhance takes nothing after its name.", f"Write {ENHANCE}.")
    raise _wrong(f"There is no pass named {_short(text)!r} after speech.", f"There are: {KNOWN}.")


def _wrong(sentence: str, hint: str) -> ClientError:
    return ClientError(sentence, hint, "INVALID_ARGUMENT")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
