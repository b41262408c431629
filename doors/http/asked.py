"""What a request for speech asks for: OpenAI's fields, and a few of ours. Fields that nobody here knows are ignored,
and the answer says so: they may be misspelt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from doors.http.errors import Problem, Refused, wrong
from doors.http.subtitles import Subtitles
from doors.voices import Named, NoSuchName, named
from proto import myna_pb2 as pb
from proto import passes
from proto.client import ClientError
from proto.messages import speak_spec
from sound.streams import Format

DEEPEST = 16  #: brackets inside each other
LONGEST = 100_000  #: characters of a text, before and after it is respelt
MOST_SPELLINGS = 1_000  #: of a lexicon
LONGEST_SPELLING = 200  #: characters of a lexicon's word, and of what is said for it
SLOWEST, FASTEST = 0.25, 4.0


class Delivery(StrEnum):
    """How the sound comes."""

    AUDIO = "audio"  #: as bytes of its format
    SSE = "sse"  #: as server-sent events


class Times(StrEnum):
    """What the times are of that come along."""

    SENTENCE = "sentence"
    WORD = "word"


@dataclass(frozen=True)
class Asked:
    """A request for speech."""

    model: str
    spec: pb.SpeakSpec
    format: Format | Subtitles
    delivery: Delivery
    times: Times | None
    ignored: tuple[str, ...]  #: fields that were given and that no engine here can follow


def asked(body: bytes, others: Mapping[str, str]) -> Asked:
    """What a body asks for; `others` are other names of voices. Raises Refused."""
    fields = _Fields(_object(body))
    model, text = fields.text("model", needed=True), fields.text("input", needed=True)
    voice = _voice(fields.given.get("voice"), others)
    delivery = fields.one_of("stream_format", Delivery, Delivery.AUDIO)
    format = _format(fields)
    if isinstance(format, Subtitles) and delivery is Delivery.SSE:
        raise wrong("response_format", f"{format} is a text, and does not come as events. Leave stream_format out.")
    speed = fields.number("speed", 1.0)
    if not SLOWEST <= speed <= FASTEST:
        raise wrong("speed", f"speed must be from {SLOWEST} to {FASTEST}.")
    spec = speak_spec(
        voice=voice.voice,
        version=voice.number,
        text=_spoken(text, fields.spellings("lexicon")),
        language=fields.text("language"),
        speed=speed,
        seed=fields.seed("seed"),
        after=_after(fields, others),
    )
    times = _times(fields)
    spec.word_times = times is Times.WORD
    ignored = *(("instructions",) if fields.text("instructions") else ()), *fields.unknown()
    return Asked(model, spec, format, delivery, times, ignored)


def _spoken(text: str, lexicon: Mapping[str, str]) -> str:
    """What is spoken. Raises Refused for more than can be: as it was given, which bounds the work, or once respelt."""
    if len(text) > LONGEST:
        raise wrong("input", f"input has {len(text):,} characters; {LONGEST:,} can be spoken at once. Ask for parts.")
    spoken = respelt(text, lexicon)
    if len(spoken) > LONGEST:
        sentence = f"With lexicon, input has {len(spoken):,} characters; {LONGEST:,} can be spoken at once."
        raise wrong("input", f"{sentence} Ask for parts.")
    return spoken


def respelt(text: str, lexicon: Mapping[str, str]) -> str:
    """The text with words written as the lexicon says them: {"Myna": "Mynah"}. Whole words, in any case."""
    if not lexicon:
        return text
    by_word = {_folded(word): spelling for word, spelling in lexicon.items()}
    lengths: dict[str, set[int]] = {}  # of words, by their first character
    for word in by_word:
        lengths.setdefault(word[0], set()).add(len(word))
    longest_first = {first: sorted(some, reverse=True) for first, some in lengths.items()}
    folded, parts, done = _folded(text), [""], 0
    for found in re.finditer(r"(?<!\w)[\s\S]", text):
        if (start := found.start()) < done:
            continue
        for length in longest_first.get(folded[start], ()):
            after = folded[start + length : start + length + 1]
            if after.isalnum() or after == "_":
                continue
            if (spelling := by_word.get(folded[start : start + length])) is not None:
                parts += text[done:start], spelling
                done = start + length
                break
    return "".join(parts) + text[done:]


def _folded(text: str) -> str:
    """Without the difference of capitals, each character for itself: as long as it was."""
    if len(folded := text.casefold()) == len(text):
        return folded
    return "".join(next((of for of in (one.casefold(), one.lower()) if len(of) == 1), one) for one in text)


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object. Raises Refused for what is none, or goes deep."""
    try:
        text = body.decode("utf-8")
        _check_depth(text)
        given = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        why = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise Refused(Problem(400, f"The body is not JSON: {why}.", "invalid_json")) from None
    if not isinstance(given, dict):
        raise Refused(Problem(400, "The body must be a JSON object.", "invalid_json"))
    return given


def _check_depth(text: str) -> None:
    """Raises ValueError. A string that does not end counts to the text's end, so that each character is read once."""
    depth = 0
    for part in re.finditer(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', text):
        depth += 1 if part[0] in "[{" else -1 if part[0] in "]}" else 0
        if depth > DEEPEST:
            raise ValueError


def _no_number(name: str) -> float:
    raise ValueError(name)


#: what there is to ask for
KNOWN = frozenset(
    {"model", "input", "voice", "instructions", "response_format", "speed", "stream_format"}
    | {"after", "language", "lexicon", "seed", "timestamps"}
)
MOST_NAMED = 10  #: fields that are said to be ignored
_NAME = re.compile(r"[\w.-]{1,40}", re.ASCII)


class _Fields:
    """The fields of a body, each read as what it should be. `null` is not given. Raises Refused for another type."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = {name: value for name, value in given.items() if value is not None}

    def unknown(self) -> tuple[str, ...]:
        """Names that nobody here knows, of those that a header can hold."""
        return tuple(name for name in self.given if name not in KNOWN and _NAME.fullmatch(name))[:MOST_NAMED]

    def text(self, name: str, *, needed: bool = False) -> str:
        value = self.given.get(name)
        if value is None:
            if needed:
                raise wrong(name, f"{name} is missing: give it as a text.", "missing_required_parameter")
            return ""
        return _text(name, value)

    def number(self, name: str, usual: float) -> float:
        value = self.given.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong(name, f"{name} must be a number.", "invalid_type")
        if isinstance(value, int) and value.bit_length() > 64:
            raise wrong(name, f"{name} is too large a number.")
        return float(value)

    def seed(self, name: str) -> int | None:
        value = self.given.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**64:
            raise wrong(name, f"{name} must be a whole number from 0 to {2**64 - 1}.")
        return value

    def one_of(self, name: str, choices: type[Delivery], usual: Delivery) -> Delivery:
        text = self.text(name) or usual.value
        if text not in set(choices):
            raise wrong(name, f"{name} must be one of: {', '.join(choices)}.")
        return choices(text)

    def spellings(self, name: str) -> dict[str, str]:
        value = self.given.get(name, {})
        if not isinstance(value, dict) or len(value) > MOST_SPELLINGS:
            raise wrong(
                name, f'{name} must be an object of at most {MOST_SPELLINGS:,} words: {{"word": "as it is said"}}.'
            )
        words = {_text(name, word): _text(name, spelling) for word, spelling in value.items() if word.strip()}
        if any(len(one) > LONGEST_SPELLING for pair in words.items() for one in pair):
            raise wrong(name, f"{name}: a word, and what is said for it, has at most {LONGEST_SPELLING} characters.")
        return words


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise wrong(name, f"{name} must be a text.", "invalid_type")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise wrong(name, f"{name} holds half a character (a lone surrogate).") from None
    return value


def _voice(given: object, others: Mapping[str, str], field: str = "voice") -> Named:
    if isinstance(given, dict):
        given = given.get("id")
    if given is None:
        raise wrong("voice", "voice is missing. GET /v1/audio/voices lists them.", "missing_required_parameter")
    try:
        return named(_text(field, given), others)
    except NoSuchName as error:
        raise wrong(field, str(error)) from None


def _after(fields: _Fields, others: Mapping[str, str]) -> list[pb.Pass]:
    """The passes after speech: a text, or a list of them."""
    given = fields.given.get("after", [])
    texts = [_text("after", one) for one in (given if isinstance(given, list) else [given])]
    try:
        found = passes.read(text for text in texts if text)
    except ClientError as error:
        raise wrong("after", str(error)) from None
    for one in found:
        if one.HasField("convert"):
            one.convert.voice = _voice(one.convert.voice, others, "after").voice
    return found


def _format(fields: _Fields) -> Format | Subtitles:
    text = fields.text("response_format") or Format.MP3.value
    if text in set(Subtitles):
        return Subtitles(text)
    if text not in set(Format):
        raise wrong("response_format", f"response_format must be one of: {', '.join([*Format, *Subtitles])}.")
    return Format(text)


def _times(fields: _Fields) -> Times | None:
    given = fields.given.get("timestamps")
    if given is None or given is False:
        return None
    if given is True:
        return Times.SENTENCE
    text = _text("timestamps", given)
    if text not in set(Times):
        raise wrong("timestamps", f"timestamps must be one of: {', '.join(Times)}.")
    return Times(text)
