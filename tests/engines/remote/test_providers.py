"""Each provider is asked as its documentation says, and what it answers goes on as it comes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from engines import interruption, registry
from engines.base import AudioChunk, SpeechRequest
from engines.errors import BadInput, Cancelled, EngineError, Unreachable
from engines.remote import access, transfer
from engines.remote.access import Access
from engines.remote.pieces import pieces
from engines.remote.providers import AZURE, OPENAI, RATE
from tests.engines.remote.speaking_server import KEY, SSML, Answer, Server, tone

TEXT = "Good morning."
OPENAI_VOICE, ELEVENLABS_VOICE, AZURE_VOICE = "alloy", "21m00Tcm4TlvDq8ikWAM", "en-US-JennyNeural"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried again at once."""
    monkeypatch.setattr(transfer.Line.__init__, "__defaults__", ((0.0, 0.0),))


class Ask:
    """Speaks by a provider, and counts as mynad does."""

    def __init__(self, name: str, server: Server, key_file: Path | None, **more: object) -> None:
        self.charged: list[int] = []
        self.saved: list[int] = []
        usual = {"openai": OPENAI_VOICE, "elevenlabs": ELEVENLABS_VOICE, "azure": AZURE_VOICE}[name]
        base = f"{server.url}/v1" if name == "openai" else server.url
        model = {"openai": "tts-1", "elevenlabs": "eleven_multilingual_v2", "azure": ""}[name]
        fields = {"voice": usual, "model": model, "base_url": base, "key_file": key_file, **more}
        self._access = Access(charge=self.charged.append, save=self.saved.append, **fields)  # type: ignore[arg-type]
        self._engine = registry.speaker(name)

    def chunks(self, text: str = TEXT, **request: object) -> Iterator[AudioChunk]:
        with access.given(self._access):
            model = self._engine.load(None)
        return self._engine.speak(model, SpeechRequest(text, **request))  # type: ignore[arg-type]

    def sound(self, text: str = TEXT, **request: object) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return np.concatenate([chunk.samples for chunk in self.chunks(text, **request)])


def heard(text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.frombuffer(tone(text), "<i2").astype(np.float32) / np.float32(32_768)


def test_openai_is_asked_for_bare_samples_by_its_documented_fields(server: Server, key_file: Path) -> None:
    asks = Ask("openai", server, key_file)
    assert np.array_equal(asks.sound(speed=1.5), heard(TEXT))
    (asked,) = server.asked
    assert asked.path == "/v1/audio/speech"
    assert asked.json == {
        "model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": "pcm", "speed": 1.5,
    }  # fmt: skip
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asks.charged == [len(TEXT)]


def test_elevenlabs_is_asked_at_its_streaming_address(server: Server, key_file: Path) -> None:
    asks = Ask("elevenlabs", server, key_file)
    assert np.array_equal(asks.sound(speed=1.1, seed=2**32 + 5), heard(TEXT))
    (asked,) = server.asked
    assert asked.path == f"/v1/text-to-speech/{ELEVENLABS_VOICE}/stream"
    assert asked.query == {"output_format": ["pcm_24000"]}
    assert asked.json == {
        "text": TEXT, "model_id": "eleven_multilingual_v2", "voice_settings": {"speed": 1.1}, "seed": 5,
    }  # fmt: skip
    assert asked.headers["xi-api-key"] == KEY


def test_elevenlabs_is_told_the_language_where_the_model_takes_one(server: Server, key_file: Path) -> None:
    Ask("elevenlabs", server, key_file, model="eleven_flash_v2_5").sound(language="de-AT")
    assert server.asked[0].json["language_code"] == "de"


def test_azure_is_sent_ssml_in_which_no_text_is_markup(server: Server, key_file: Path) -> None:
    nasty = "a < b & c</voice><voice name='x'>\x07\ud7ff done]]>."
    asks = Ask("azure", server, key_file)
    asks.sound(nasty, speed=1.25)
    (asked,) = server.asked
    speak = ElementTree.fromstring(asked.body)
    (voice,) = speak
    (prosody,) = voice
    assert (voice.get("name"), prosody.tag, prosody.get("rate")) == (AZURE_VOICE, f"{SSML}prosody", "+25%")
    assert prosody.text == nasty.replace("\x07", " ")
    assert asked.headers["ocp-apim-subscription-key"] == KEY
    assert asked.headers["x-microsoft-outputformat"] == "raw-24khz-16bit-mono-pcm"


def test_a_voice_id_stays_one_part_of_the_address(server: Server, key_file: Path) -> None:
    with pytest.raises(Unreachable, match="knows no such voice"):
        Ask("elevenlabs", server, key_file, voice="../../user?x=").sound()
    assert server.asked[0].path != "/user"


def test_the_first_sound_goes_on_before_the_rest_is_there(server: Server, key_file: Path) -> None:
    server.answers.append(Answer(body=tone(TEXT), waits=True))
    chunks = Ask("openai", server, key_file).chunks()
    first = next(chunks)
    assert not server.go_on.is_set()
    assert 0 < len(first.samples) <= 1_500
    server.go_on.set()
    rest = [chunk.samples for chunk in chunks]
    assert np.array_equal(np.concatenate([first.samples, *rest]), heard(TEXT))
    assert first.sample_rate == RATE


def test_hanging_up_ends_the_transfer(server: Server, key_file: Path) -> None:
    server.answers.append(Answer(body=tone(TEXT), waits=True))

    def check() -> None:
        raise Cancelled("The caller hung up.")

    chunks = Ask("openai", server, key_file).chunks()
    next(chunks)
    with pytest.raises(Cancelled), interruption.checked_by(check):
        next(chunks)
    assert server.gone.wait(10), "the provider is told by its connection"


def test_closing_in_the_middle_ends_the_transfer_too(server: Server, key_file: Path) -> None:
    server.answers.append(Answer(body=tone(TEXT), waits=True))
    chunks = Ask("openai", server, key_file).chunks()
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    assert server.gone.wait(10)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_passes_is_tried_again_before_the_first_sound(server: Server, key_file: Path, status: int) -> None:
    server.answers.extend([Answer(status, headers={"retry-after": "0"}), Answer(status)])
    asks = Ask("openai", server, key_file)
    assert np.array_equal(asks.sound(), heard(TEXT))
    assert (len(server.asked), asks.charged) == (3, [len(TEXT)])


def test_what_stays_so_is_given_up_in_one_sentence(server: Server, key_file: Path) -> None:
    server.answers.extend([Answer(503)] * 9)
    with pytest.raises(Unreachable, match=r"^openai has a fault \(HTTP 503\)\.$"):
        Ask("openai", server, key_file).sound()
    assert len(server.asked) == 3


def test_a_pause_that_is_asked_for_is_kept_and_a_long_one_is_told(
    server: Server, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers.append(Answer(429, headers={"retry-after": "3600"}))
    with pytest.raises(Unreachable, match="too many requests") as refused:
        Ask("openai", server, key_file).sound()
    assert (refused.value.hint, len(server.asked)) == ("Try again in 3600 s.", 1)
    waited: list[float] = []

    monkeypatch.setattr(transfer.Line, "_wait", lambda line, seconds: waited.append(seconds))
    server.answers.append(Answer(429, headers={"retry-after": "7"}))
    Ask("openai", server, key_file).sound()
    assert waited == [7]


def test_a_date_may_stand_for_a_pause() -> None:
    def clock() -> float:
        return 1_445_412_420.0  # a minute before

    assert transfer.wanted_pause({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, clock) == 60
    assert transfer.wanted_pause({"retry-after": "Wed, 21 Oct 2010 07:28:00 GMT"}, clock) == 0
    assert [transfer.wanted_pause({"retry-after": wrong}) for wrong in ("soon", "-3", "")] == [0, 0, 0]


def test_nothing_is_tried_again_once_there_was_sound(server: Server, key_file: Path) -> None:
    server.answers.append(Answer(body=tone(TEXT)[:6_000], breaks=True))
    chunks = Ask("openai", server, key_file).chunks()
    assert len(next(chunks).samples)
    with pytest.raises(EngineError, match="openai broke off before the end"):
        list(chunks)
    assert len(server.asked) == 1


def test_a_connection_that_breaks_before_sound_is_tried_again(server: Server, key_file: Path) -> None:
    server.answers.append(Answer(breaks=True))
    assert np.array_equal(Ask("openai", server, key_file).sound(), heard(TEXT))


def test_nobody_there_is_a_sentence(key_file: Path) -> None:
    nobody = Server()
    nobody.url = "http://127.0.0.1:9"
    with pytest.raises(Unreachable, match=r"^openai cannot be reached: there is no connection\.$"):
        Ask("openai", nobody, key_file).sound()


WRONG = "sk-wrong-" + "z" * 30


@pytest.mark.parametrize("name", ["openai", "elevenlabs", "azure"])
def test_a_key_that_is_not_accepted_is_told_without_the_key(server: Server, key_file: Path, name: str) -> None:
    key_file.write_text(WRONG)
    with pytest.raises(Unreachable, match=rf"^{name} does not accept the key \(HTTP 401\)\.$") as refused:
        Ask(name, server, key_file).sound()
    assert refused.value.hint == f"Write a valid one into the key file of [remote.{name}]."
    assert WRONG not in repr(refused.value.__context__) + repr(refused.value.__cause__)
    assert len(server.asked) == 1, "it is not tried again"


def test_words_of_a_provider_are_shown_without_keys_in_them(server: Server, key_file: Path) -> None:
    told = f'{{"error": {{"message": "The key {KEY} (sk-a***********Qz9) may\\n not use tts-1", "code": "x"}}}}'
    server.answers.append(Answer(403, told.encode()))
    with pytest.raises(Unreachable) as refused:
        Ask("openai", server, key_file).sound()
    assert str(refused.value) == "openai does not let this key speak (HTTP 403): The key … (…) may not use tts-1"


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("openai", 429, b'{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}'),
        ("elevenlabs", 401, b'{"detail": {"status": "quota_exceeded", "message": "0 credits left"}}'),
    ],
)
def test_what_is_used_up_is_not_tried_again(
    server: Server, key_file: Path, name: str, status: int, body: bytes
) -> None:
    server.answers.append(Answer(status, body))
    with pytest.raises(Unreachable, match=f"What was paid for at {name} is used up"):
        Ask(name, server, key_file).sound()
    assert len(server.asked) == 1


def test_a_text_that_is_refused_says_why(server: Server, key_file: Path) -> None:
    with pytest.raises(BadInput, match=r"does not take the request \(HTTP 400\): Input should be 'alloy'"):
        Ask("openai", server, key_file, voice="nobody").sound()
    with pytest.raises(BadInput, match="Unsupported voice xx"):
        Ask("azure", server, key_file, voice="xx").sound()


def test_the_key_is_sent_to_no_other_address(server: Server, key_file: Path) -> None:
    server.answers.append(Answer(307, headers={"location": f"{server.url}/elsewhere"}))
    with pytest.raises(Unreachable, match="points to another address"):
        Ask("openai", server, key_file).sound()
    assert [asked.path for asked in server.asked] == ["/v1/audio/speech"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(body=b"RIFF" + bytes(100)), "a WAV file"),
        (Answer(body=b'{"a": 1}'), "a text"),
        (Answer(body=bytes(100), headers={"content-type": "audio/mpeg"}), "audio/mpeg"),
        (Answer(), "no sound"),
    ],
)
def test_what_is_no_bare_sound_is_not_played(server: Server, key_file: Path, answer: Answer, words: str) -> None:
    server.answers.append(answer)
    with pytest.raises(EngineError, match=f"openai answered with {words}"):
        Ask("openai", server, key_file).sound()


def test_a_server_that_never_ends_is_left(server: Server, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.remote.speech.MOST", 0.1)
    server.answers.append(Answer(body=bytes(RATE * 2 * 20)))
    with pytest.raises(EngineError, match="did not stop speaking"):
        Ask("openai", server, key_file).sound("Hi.")


def test_what_was_spoken_before_is_not_sent_again(server: Server, key_file: Path, tmp_path: Path) -> None:
    kept = {"cache": tmp_path / "kept", "cache_bytes": 10_000_000}
    asks = Ask("openai", server, key_file, **kept)
    first = asks.sound()
    assert np.array_equal(asks.sound(), first)
    assert (len(server.asked), asks.charged, asks.saved) == (1, [13], [13])
    (file,) = (tmp_path / "kept").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    others = [
        {"whose": "bob"},
        {"voice": "nova"},
        {"model": "tts-1-hd"},
        {"base_url": f"{server.url.replace('127.0.0.1', 'localhost')}/v1"},
    ]
    for other in others:
        Ask("openai", server, key_file, **kept | other).sound()
    for request in ({"speed": 2.0}, {"language": "de"}, {"seed": 3}):
        asks.sound(**request)
    assert len(server.asked) == 1 + len(others) + 3


def test_what_broke_off_is_not_kept(server: Server, key_file: Path, tmp_path: Path) -> None:
    server.answers.append(Answer(body=tone(TEXT)[:6_000], breaks=True))
    asks = Ask("openai", server, key_file, cache=tmp_path / "kept", cache_bytes=10_000_000)
    with pytest.raises(EngineError):
        asks.sound()
    assert np.array_equal(asks.sound(), heard(TEXT))


def test_the_cache_stays_within_its_bytes_and_can_be_off(server: Server, key_file: Path, tmp_path: Path) -> None:
    texts = [f"{word} morning." for word in ("Good", "Fine", "Wide")]  # as long as each other
    room = 2 * len(tone(texts[0]))
    asks = Ask("openai", server, key_file, cache=tmp_path / "kept", cache_bytes=room)
    for text in texts:
        asks.sound(text)
    assert sum(file.stat().st_size for file in (tmp_path / "kept").iterdir()) <= room
    asks.sound(texts[2])
    assert len(server.asked) == 3
    off = Ask("openai", server, key_file, cache=tmp_path / "off", cache_bytes=0)
    off.sound()
    assert not (tmp_path / "off").exists()


def test_a_long_text_goes_in_whole_sentences_the_first_alone() -> None:
    text = " ".join(f"This is sentence number {number} of a longer text." for number in range(40))
    found = pieces(SpeechRequest(text), OPENAI.longest)
    assert found[0] == "This is sentence number 0 of a longer text."
    assert " ".join(found) == text
    assert all(len(piece) <= 600 and piece.endswith(".") for piece in found)
    assert len(found) < 6
    assert max(map(len, pieces(SpeechRequest("word " * 2_000), 250))) <= 250


def test_each_piece_is_a_stretch_of_its_own(server: Server, key_file: Path) -> None:
    asks = Ask("openai", server, key_file)
    told = [chunk.sentence for chunk in asks.chunks("One is here. Two is there. Three is gone.")]
    assert [number for number, _ in itertools.groupby(told)] == [0, 1]
    assert asks.charged == [12, 28]


def test_chinese_counts_twice_where_it_does() -> None:
    assert (AZURE.billed("日本, yes"), OPENAI.billed("日本, yes")) == (9, 7)


def test_no_key_is_sent_where_there_is_none(server: Server) -> None:
    server.answers.append(Answer(body=tone(TEXT)))
    Ask("openai", server, None).sound()
    assert "authorization" not in server.asked[0].headers
