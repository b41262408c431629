"""Passes over speech as people write them ("convert:anna,enhance"): the same for every command and door."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proto import myna_pb2 as pb
from proto.channel import ClientError

CONVERT, ENHANCE = "convert", "enhance"
#: How each is written, for people.
KNOWN = f"{CONVERT}:VOICE, {ENHANCE}"
_LARGEST = 2**31 - 1  #: number of a version that the wire holds


def read(texts: Iterable[str]) -> list[pb.Pass]:
    """The passes in these texts, in order; each text has one or, with commas, several. Raises ClientError for what is
    none, naming those there are."""
    return [_one(part.strip()) for text in texts for part in text.split(",")]


def to(text: str) -> pb.ConvertPass:
    """Whom speech is to sound like, of VOICE[@VERSION][:ENGINE]. Raises ClientError for what is none."""
    named, colon, engine = (part.strip() for part in text.partition(":"))
    voice, at, number = (part.strip() for part in named.partition("@"))
    example = f"Write it like {CONVERT}:{_short(voice) or 'anna'}"
    if not voice:
        raise _wrong("The pass convert needs the voice to sound like.", f"Write {CONVERT}:VOICE.")
    if colon and not engine:
        raise _wrong(
            f"The pass {CONVERT}:{_short(text)} names no engine after its second colon.", f"{example}:openvoice."
        )
    if not at:
        return pb.ConvertPass(voice=voice, engine=engine)
    digits = number.removeprefix("v")
    if number in ("base", "0"):
        sentence = f"The pass {CONVERT}:{_short(text)} names the base, which has no recordings to sound like."
        raise _wrong(sentence, f"{example}, or a version of it.")
    if not digits.isdecimal() or len(digits) > 10 or int(digits) > _LARGEST:
        raise _wrong(f"{_short(number)!r} is not a version number.", f"{example}@7, or {example.split()[-1]}.")
    return pb.ConvertPass(voice=voice, version=int(digits), engine=engine)


def written(passes: Iterable[pb.Pass]) -> str:
    """As `read` takes them."""
    return ",".join(_written(one.convert) if one.HasField("convert") else ENHANCE for one in passes)


def like(convert: pb.ConvertPass) -> str:
    """Whom it is to sound like, for people: "anna", "anna@7"."""
    return f"{convert.voice}@{convert.version}" if convert.version else convert.voice


def conversion(passes: Iterable[pb.Pass]) -> pb.ConvertPass | None:
    """The last of them that converts, which is heard; None: none does."""
    found = [one.convert for one in passes if one.HasField("convert")]
    return found[-1] if found else None


def who(version: str, passes: Sequence[pb.Pass]) -> str:
    """Who is heard, for a file's tag: "bob@7", or where it sounds like another voice, "bob@7 as anna"."""
    convert = conversion(passes)
    return f"{version} as {like(convert)}" if version and convert is not None else version


def _written(convert: pb.ConvertPass) -> str:
    return ":".join(filter(None, (CONVERT, like(convert), convert.engine)))


def _one(text: str) -> pb.Pass:
    name, _, rest = text.partition(":")
    match name.strip(), rest.strip():
        case "", "" if not text:
            raise _wrong("There is nothing where a pass is expected.", f"There are: {KNOWN}.")
        case "convert", "":
            raise _wrong("The pass convert needs the voice to sound like.", f"Write {CONVERT}:VOICE.")
        case "convert", asked:
            return pb.Pass(convert=to(asked))
        case "enhance", "" if ":" not in text:
            return pb.Pass(enhance=pb.EnhancePass())
        case "enhance", _:
            raise _wrong("The pass enhance takes nothing after its name.", f"Write {ENHANCE}.")
    raise _wrong(f"There is no pass named {_short(text)!r} after speech.", f"There are: {KNOWN}.")


def _wrong(sentence: str, hint: str) -> ClientError:
    return ClientError(sentence, hint, "INVALID_ARGUMENT")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
