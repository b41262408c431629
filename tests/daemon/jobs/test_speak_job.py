"""Speaking in a worker: audio as it is made, and voices that stay loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recorded import Recorded

from daemon.kinds.speak import worker as speak
from engines.audio import watermark
from engines.errors import BadInput, Cancelled, EngineError, WeightsMissing
from engines.glow.engine import GlowEngine
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def nothing_loaded() -> Iterator[None]:
    speak.unload(0)
    yield
    speak.unload(0)


def plan(
    text: str, folder: str = "", *, seed: int = 1, name: str = "anna@base", language: str = "en"
) -> wire.SpeakPlan:
    return wire.SpeakPlan(
        spec=pb.SpeakSpec(voice="anna", text=text, language=language, seed=seed),
        engine="glow",
        version_dir=folder,
        version_name=name,
    )


def audio(channel: Recorded) -> list[wire.Audio]:
    return [report.audio for report in channel.reports if report.HasField("audio")]


def loads(channel: Recorded) -> int:
    return sum("Loads" in line for line in channel.lines)


def test_sentences_come_one_by_one_and_the_last_chunk_says_so(tmp_path: Path) -> None:
    channel = Recorded(tmp_path)
    sentence = speak.run(plan("The first sentence. And here comes a second one."), channel)
    chunks = audio(channel)
    assert [chunk.sentence for chunk in chunks if chunk.text] == [0, 1]
    assert [chunk.last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    samples = np.frombuffer(b"".join(chunk.samples for chunk in chunks), "<f4")
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() > 0
    assert sentence == f"Spoke {len(samples) / 16_000:.1f} s as anna@base."


def test_where_the_site_wants_it_speech_carries_a_watermark_and_is_as_long_as_without(tmp_path: Path) -> None:
    text = "The old ferry lay still at the bank, and nobody wanted to buy it. Twelve chairs stood in the hall."
    sounds, sentences = [], []
    for kind in ("", "perth"):
        channel, wanted = Recorded(tmp_path), plan(text)
        wanted.watermark = kind
        speak.run(wanted, channel)
        chunks = audio(channel)
        sounds.append(np.frombuffer(b"".join(chunk.samples for chunk in chunks), "<f4"))
        sentences.append([chunk.text for chunk in chunks if chunk.text])
    assert len(sounds[0]) == len(sounds[1])
    assert sentences[0] == sentences[1]
    soundfile.write(tmp_path / "speech.wav", sounds[1], 16_000)
    assert watermark.look(tmp_path / "speech.wav").confidence > 0.99
    assert np.abs(sounds[0] - sounds[1]).max() > 0.001


def test_the_same_seed_speaks_the_same(tmp_path: Path) -> None:
    one, two = Recorded(tmp_path), Recorded(tmp_path)
    speak.run(plan("Good morning."), one)
    speak.run(plan("Good morning."), two)
    assert audio(one) == audio(two)


def test_a_voice_spoken_before_is_not_loaded_again_until_memory_is_given_back(tmp_path: Path) -> None:
    channel = Recorded(tmp_path)
    for _ in range(2):
        speak.run(plan("Good morning."), channel)
    assert loads(channel) == 1
    held = [report.loaded for report in channel.reports if report.HasField("loaded")]
    assert [voice.name for voice in held[-1].voices] == ["anna@base"]
    assert held[-1].voices[0].bytes > 0
    speak.unload(0)
    speak.run(plan("Good morning."), channel)
    assert loads(channel) == 2


def test_a_version_and_the_base_sound_different(trained_plan: wire.TrainPlan, tmp_path: Path) -> None:
    base, version = Recorded(tmp_path), Recorded(tmp_path)
    speak.run(plan("Good morning."), base)
    speak.run(plan("Good morning.", trained_plan.out_dir, name="anna@1"), version)
    assert audio(base)[0].samples != audio(version)[0].samples


def test_a_cancel_is_heard_before_a_sentence_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[str] = []
    monkeypatch.setattr("engines.glow.speech.mels", lambda *_: reached.append("mels"))
    with pytest.raises(Cancelled):
        speak.run(plan("One sentence."), Recorded(tmp_path, lambda channel: "cancel"))
    assert reached == []


def test_a_cancelled_text_goes_silent_before_its_end(tmp_path: Path) -> None:
    channel = Recorded(tmp_path, lambda channel: "cancel" if audio(channel) else "")
    with pytest.raises(Cancelled):
        speak.run(plan("The first sentence. And here comes a second one. And a third one follows."), channel)
    assert len(audio(channel)) == 1


def test_a_language_or_text_that_cannot_be_spoken_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="does not speak 'de'"):
        speak.run(plan("Guten Morgen.", language="de"), Recorded(tmp_path))
    with pytest.raises(EngineError, match="nothing to speak"):
        speak.run(plan("…"), Recorded(tmp_path))
    with pytest.raises(WeightsMissing, match="anna@4 is missing"):
        speak.run(plan("Hello.", str(tmp_path / "voices/anna/4"), name="anna@4"), Recorded(tmp_path))


def test_what_the_engine_cannot_say_is_left_out_and_told(tmp_path: Path) -> None:
    channel, plain = Recorded(tmp_path), Recorded(tmp_path)
    speak.run(plan("日本 Good <break/> morning. 日本"), channel)
    speak.run(plan("Good morning."), plain)
    chunks = audio(channel)
    assert [list(chunk.left_out) for chunk in chunks] == [["日本", "<break/>"], *([] for _ in chunks[1:])]
    assert [line for line in channel.lines if line.startswith("warning")] == [
        "warning: Left out, since the engine glow cannot say it: “日本” and “<break/>”."
    ]
    assert [chunk.samples for chunk in chunks] == [chunk.samples for chunk in audio(plain)], "a mark is not read aloud"
    assert not any(chunk.left_out for chunk in audio(plain))
    with pytest.raises(BadInput, match="cannot say “日本”, and nothing else is in this text"):
        speak.run(plan("日本"), Recorded(tmp_path))


def test_memory_running_out_while_loading_gives_the_other_voices_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak.run(plan("Good morning."), Recorded(tmp_path))
    real, tries = GlowEngine.load, []

    def short(engine: GlowEngine, version: Path | None, **given: object) -> object:
        tries.append(version)
        if len(tries) == 1:
            raise RuntimeError("CUDA out of memory")
        return real(engine, version, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(GlowEngine, "load", short)
    channel = Recorded(tmp_path)
    speak.run(plan("Good morning.", name="bert@base"), channel)
    assert [voice.name for report in channel.reports for voice in report.loaded.voices] == ["bert@base"]
