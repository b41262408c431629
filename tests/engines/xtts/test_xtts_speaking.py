"""What a person hears from an XTTS voice: sentences in order, sound that comes early, other takes where one broke."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from engines.autoregressive import projections, synthesis, takes
from engines.autoregressive.config import generation
from engines.autoregressive.synthesis import Synthesis
from engines.base import AudioChunk, Clip, LoraSettings, Settles, SpeechRequest
from engines.errors import BadInput
from engines.xtts import decode, latents, network, references, speech
from engines.xtts.engine import XttsEngine
from engines.xtts.info import INFO
from engines.xtts.model import XttsModel

FIRST, SECOND = "The boat came in very late.", "Who has the old harbour key?"
TEXT = f"{FIRST} {SECOND}"
#: No second try: what an untrained voice says is broken nearly always.
ONCE = {"retries": 0.0}


@pytest.fixture(scope="module")
def base(tiny: Path) -> Any:
    """The base's modules, read once: half a second of a CPU."""
    read = network.load(tiny)
    read.gpt.eval()
    return read


@pytest.fixture
def voice(tiny: Path, base: Any) -> Iterator[XttsModel]:
    """The base, speaking as its first stock speaker. What `lean` does to it is undone."""
    bias = base.gpt.mel_head.bias.data
    as_read = bias.clone()
    yield XttsModel(base, tiny, torch.device("cpu"), speakers=latents.stock(network.load_speakers(tiny)))
    bias.copy_(as_read)


@pytest.fixture
def unheard(tiny: Path) -> XttsModel:
    """On a base of its own, that nobody has heard."""
    read = network.load(tiny)
    return XttsModel(read, tiny, torch.device("cpu"), speakers=latents.stock(network.load_speakers(tiny)))


def say(voice: XttsModel, text: str = TEXT, seed: int = 1, **request: Any) -> list[AudioChunk]:
    request.setdefault("options", ONCE)
    return list(speech.speak(voice, SpeechRequest(text, seed=seed, **request)))


def sound(chunks: Sequence[AudioChunk]) -> NDArray[np.float32]:
    return np.concatenate([chunk.samples for chunk in chunks])


@pytest.fixture
def steady(voice: XttsModel, monkeypatch: pytest.MonkeyPatch) -> XttsModel:
    """A voice that takes as long as expected for every sentence."""
    lean(voice, -100.0)
    monkeypatch.setattr(takes, "_LONGEST", 1.0)
    monkeypatch.setattr(takes, "_SPARE_AT_END", 0)
    return voice


def lean(voice: XttsModel, bias: float) -> None:
    """Make the stop code more or less likely at every step."""
    voice.xtts.gpt.mel_head.bias.data[voice.xtts.gpt.stop_audio_token] = bias


def test_sentences_come_in_order_with_their_text(voice: XttsModel) -> None:
    chunks = say(voice)
    assert [chunk.sentence for chunk in chunks] == sorted(chunk.sentence for chunk in chunks)
    assert list(dict.fromkeys(chunk.text for chunk in chunks)) == [FIRST, SECOND]
    assert {chunk.sample_rate for chunk in chunks} == {24_000}
    assert all(chunk.samples.dtype == np.float32 and np.abs(chunk.samples).max() <= 1 for chunk in chunks)


def test_the_same_seed_gives_the_same_samples_and_another_gives_others(voice: XttsModel) -> None:
    first, again, other = (sound(say(voice, SECOND, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first[:2000], other[:2000])


def test_first_words_do_not_wait_for_what_makes_the_next_ones_quicker_and_no_sample_changes(unheard: XttsModel) -> None:
    engine, voice = XttsEngine(), unheard
    assert isinstance(engine, Settles)
    engine.settle(voice)
    assert not packed(voice), "nobody has heard it yet"
    first = sound(say(voice, SECOND))
    assert not packed(voice)
    engine.settle(voice)
    assert packed(voice)
    assert np.array_equal(first, sound(say(voice, SECOND)))


def test_after_the_first_sound_of_several_sentences_the_rest_is_quicker(unheard: XttsModel) -> None:
    chunks = speech.speak(unheard, SpeechRequest(TEXT, seed=1, options=ONCE))
    next(chunks)
    assert not packed(unheard)
    next(chunks)
    assert packed(unheard)


def packed(voice: XttsModel) -> bool:
    """Whether all of a voice's matrices are packed; none is, if not all are."""
    layers = [projections.projection(layer, fast=False) for layer in decode._matrices(voice.module)]
    found = {layer.packing.packed is not None for layer in layers}
    assert len(found) == 1
    return found.pop()


@pytest.mark.long
def test_what_is_streamed_is_what_coqui_makes_of_the_same_codes(steady: XttsModel) -> None:
    voice = steady
    config = generation(INFO, SpeechRequest(TEXT, options=ONCE))
    lines = speech._sentences(voice.xtts, TEXT, speech.language("en"))
    high = voice.speakers["Tiny High"]
    speaking = speech.Voice(voice.xtts, high, config, *speech._decoders(voice, config))
    assert speaking.draft is not None, "it guesses ahead"
    heard = Synthesis(speaking, lines, config, 3)
    pieces: dict[int, list[NDArray[np.float32]]] = {}
    for line, samples, _ in heard.sound():
        pieces.setdefault(line.index, []).append(samples)
    assert len(pieces[0]) > 2, "it came in chunks"
    for line in lines:
        assert line.chosen is not None
        with torch.inference_mode():
            whole = voice.xtts.hifigan_decoder(torch.stack(line.chosen.latents)[None], g=high.speaker)[0, 0].numpy()
        assert np.allclose(np.concatenate(pieces[line.index]), whole, atol=1e-6)


def test_sound_comes_before_the_sentence_is_decoded(steady: XttsModel) -> None:
    voice = steady
    config = generation(INFO, SpeechRequest(TEXT, options=ONCE))
    lines = speech._sentences(voice.xtts, TEXT, speech.language("en"))
    heard = Synthesis(
        speech.Voice(voice.xtts, voice.speakers["Tiny Low"], config, *speech._decoders(voice, config)), lines, config, 3
    )
    line, samples, _ = next(heard.sound())
    assert len(samples) > 0
    assert line.chosen is not None
    assert len(line.chosen.codes) == synthesis.FIRST_CHUNK
    assert lines[1].chosen is None, "the first sentence starts alone"


def test_sentences_decoded_side_by_side_are_those_decoded_one_by_one(voice: XttsModel) -> None:
    text = TEXT + " Nobody had seen it coming, it seems."
    alone, together = say(voice, text, options={**ONCE, "batch": 1}), say(voice, text, options={**ONCE, "batch": 4})
    assert np.allclose(sound(alone), sound(together), atol=1e-4)


@pytest.mark.long
def test_twice_the_speed_takes_half_the_time(steady: XttsModel) -> None:
    usual, quick = say(steady, SECOND), say(steady, SECOND, speed=2.0)
    assert len(sound(quick)) == pytest.approx(len(sound(usual)) / 2, rel=0.05)


def test_a_voice_with_next_to_nothing_to_say_comes_to_an_end(voice: XttsModel) -> None:
    lean(voice, 100.0)
    assert [chunk.sentence for chunk in say(voice, speed=4.0)] == [0, 1]


def test_the_fast_setting_speaks(voice: XttsModel) -> None:
    assert len(sound(say(voice, options={**ONCE, "fast": 1}))) > 2000


@pytest.mark.long
def test_chunks_join_without_a_click(steady: XttsModel) -> None:
    chunks = say(steady)
    steps = np.abs(np.diff(sound(chunks)))
    seams = np.cumsum([len(chunk.samples) for chunk in chunks])[:-1] - 1
    assert steps[seams].max() <= np.quantile(steps, 0.999)
    assert abs(sound(chunks)[0]) < 1e-6
    assert abs(sound(chunks)[-1]) < 1e-6


def test_a_voice_that_stops_at_once_is_tried_again_and_no_more_often_than_asked(
    voice: XttsModel, caplog: pytest.LogCaptureFixture
) -> None:
    lean(voice, 100.0)
    with caplog.at_level(logging.WARNING):
        chunks = say(voice, SECOND, options={"retries": 2})
    assert len(sound(chunks)) > 0
    told = [record.message for record in caplog.records]
    assert len(told) == 3
    assert "ended after 0.0 s, where about 1.8 s were expected: said again (take 2)" in told[0]
    assert "none of 3 takes was better" in told[2]


@pytest.mark.long
def test_a_voice_that_babbles_on_is_ended_and_tried_again_from_what_was_heard(
    steady: XttsModel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        chunks = say(steady, SECOND, options={"retries": 1})
    longest = takes.length(SECOND, "en", 602, speech.CODES_PER_SECOND).longest
    assert len(sound(chunks)) / 24_000 == pytest.approx(longest / speech.CODES_PER_SECOND, abs=0.1)
    told = [record.message for record in caplog.records]
    assert len(told) == 2
    assert "did not end after 1.8 s, where about 1.8 s were expected: said again (take 2)" in told[0]


def test_a_good_take_after_a_broken_one_is_the_one_that_is_heard(
    voice: XttsModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter(["fell silent for 3.0 s", "", "", ""])
    lengths: list[int] = []

    def fault(samples: NDArray[np.float32], rate: int) -> str:
        lengths.append(len(samples))
        return next(faults)

    monkeypatch.setattr(takes, "fault_of_sound", fault)
    monkeypatch.setattr(takes, "fault_of_length", lambda *_: "")
    monkeypatch.setattr(takes, "is_odd", lambda *_: False)
    monkeypatch.setattr(synthesis, "FIRST_CHUNK", 1000)  # nothing is heard before it is whole
    chunks = say(voice, SECOND, options={"retries": 2})
    assert len(lengths) == 2
    assert len(sound(chunks)) == lengths[1] != lengths[0]


def test_with_a_recogniser_listening_nothing_goes_out_that_it_heard_wrong(
    voice: XttsModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = iter([1.0, 0.2])
    heard: list[int] = []

    def hear(samples: NDArray[np.float32], rate: int, text: str, language: str) -> takes.Recognition:
        heard.append(len(samples))
        return takes.Recognition(next(wrong), "high")

    monkeypatch.setattr(takes, "hear", hear)
    monkeypatch.setattr(takes, "fault_of_length", lambda *_: "")
    chunks = say(voice, SECOND, options={"listen": 1, "retries": 3})
    assert len(heard) == 2
    assert [len(chunk.samples) for chunk in chunks] == heard[1:]


def test_of_several_takes_the_one_heard_best_is_kept(voice: XttsModel, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = iter([0.4, 0.1, 0.3])
    heard: list[int] = []

    def hear(samples: NDArray[np.float32], rate: int, text: str, language: str) -> takes.Recognition:
        heard.append(len(samples))
        return takes.Recognition(next(wrong), "high")

    monkeypatch.setattr(takes, "hear", hear)
    monkeypatch.setattr(references, "similarity", lambda *_: 0.0)
    monkeypatch.setattr(takes, "fault_of_length", lambda *_: "")
    chunks = say(voice, SECOND, options={"best_of": 3, "retries": 0})
    assert len(heard) == len(set(heard)) == 3
    assert len(sound(chunks)) == heard[1]


@pytest.mark.long
def test_a_recogniser_and_the_speaker_encoder_judge_takes(voice: XttsModel) -> None:
    """With the recogniser and the encoder themselves: noise is no English, and a voice is like itself."""
    noise = (0.1 * np.random.default_rng(0).standard_normal(48_000)).astype(np.float32)
    assert takes.hear(noise, 24_000, SECOND, "en").fault
    assert takes.hear(noise, 24_000, "¿Quién tiene la llave?", "es").wrong is None
    own = references.embedding(voice.xtts, torch.from_numpy(noise)[None])
    assert references.similarity(voice.xtts, torch.from_numpy(noise), 22_050, own) == pytest.approx(1.0, abs=1e-3)


def test_silence_is_a_fault() -> None:
    speech_like = np.sin(np.arange(48_000) / 20).astype(np.float32) * 0.1
    assert takes.fault_of_sound(speech_like, 24_000) == ""
    assert takes.fault_of_sound(np.zeros(24_000, np.float32), 24_000) == "is silent"
    hole = np.concatenate([speech_like, np.zeros(72_000, np.float32), speech_like])
    assert takes.fault_of_sound(hole, 24_000) == "fell silent for 3.0 s"


@pytest.mark.long
def test_voices_on_one_base_take_turns_in_the_middle_of_a_sentence(
    engine: XttsEngine, clips: list[Clip], tmp_path: Path
) -> None:
    folders = []
    for number in (1, 2):
        taught = engine.load(None, training=True, reference=clips[:2])
        generator = torch.Generator().manual_seed(number)
        with torch.no_grad():
            for parameter in engine.trainable(taught, LoraSettings(rank=4, alpha=8)):
                parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
        folders.append(tmp_path / str(number))
        folders[-1].mkdir()
        engine.save(taught, folders[-1])
    anna, ben = (engine.load(folder) for folder in folders)
    assert isinstance(anna, XttsModel)
    assert isinstance(ben, XttsModel)
    assert anna.xtts is ben.xtts
    alone = [sound(say(one, SECOND)) for one in (anna, ben)]
    assert not np.array_equal(alone[0], alone[1])

    both: list[Iterator[AudioChunk]] = [
        speech.speak(one, SpeechRequest(SECOND, seed=1, options=ONCE)) for one in (anna, ben)
    ]
    first = [next(chunks) for chunks in both]
    rest = [list(chunks) for chunks in both]
    for start, others, whole in zip(first, rest, alone, strict=True):
        assert np.array_equal(sound([start, *others]), whole)


def test_a_stock_speaker_can_be_chosen(voice: XttsModel) -> None:
    low, high = (sound(say(voice, SECOND, speaker=name)) for name in ("Tiny Low", "tiny high"))
    assert not np.array_equal(low, high)
    with pytest.raises(BadInput, match="no stock speaker 'Nobody'") as refused:
        say(voice, speaker="Nobody")
    assert refused.value.hint == "It has: Tiny High, Tiny Low."


def test_a_voice_sounds_like_the_references_it_is_given(
    voice: XttsModel, clips: list[Clip], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = tuple(clips[:2])
    heard = sound(say(voice, SECOND, references=given))
    assert not np.array_equal(heard, sound(say(voice, SECOND)))
    voice.latents = latents.of(voice.xtts, given)
    assert np.array_equal(heard, sound(say(voice, SECOND))), "as a voice made of them"
    monkeypatch.setattr(latents, "of", None)
    assert np.array_equal(heard, sound(say(voice, SECOND, references=given[::-1]))), (
        "listened to once, in whatever order"
    )
    monkeypatch.undo()
    (tmp_path / "noise.flac").write_bytes(b"no sound")
    with pytest.raises(BadInput, match="no reference recording"):
        say(voice, references=(dataclasses.replace(clips[0], path=tmp_path / "noise.flac", sha256="0" * 64),))


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"options": {"loudness": 1}}, "no xtts speech setting named 'loudness'"),
        ({"options": {"top_p": 0}}, "top_p must be a number from 0.01 to 1; 0 was given"),
        ({"options": {"top_k": 2.5}}, "top_k must be a whole number"),
        ({"options": {"repetition_penalty": float("nan")}}, "repetition_penalty must be .* nan was given"),
        ({"speed": 9.0}, "speed must be a number from 0.25 to 4; 9.0 was given"),
        ({"temperature": -1.0}, "temperature must be a number from 0 to 2; -1.0 was given"),
        ({"language": "sv"}, "does not speak 'sv'"),
        ({"text": "... !"}, "nothing to speak"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(request_: dict[str, Any], sentence: str, voice: XttsModel) -> None:
    with pytest.raises(BadInput, match=sentence) as problem:
        say(voice, **request_)
    assert problem.value.hint


def test_a_voice_is_taken_from_its_clean_recordings(voice: XttsModel, clips: list[Clip], tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    noisy = []
    for clip in clips[:2]:
        samples, rate = soundfile.read(clip.path, dtype="float32")
        path = tmp_path / clip.path.name
        soundfile.write(path, samples + 0.05 * generator.standard_normal(len(samples)).astype(np.float32), rate)
        noisy.append(Clip(clip.path.name, path, clip.text, "en", clip.seconds))
    clean = clips[4:6]
    chosen = references.best(voice.xtts, [*noisy, *clean], seconds=6.0)
    recordings = [torch.from_numpy(references.clip_file.read(clip.path, references.SAMPLE_RATE)) for clip in clean]
    assert all(any(torch.equal(one[0], recording) for recording in recordings) for one in chosen)
    again = references.best(voice.xtts, [*reversed(clean), *reversed(noisy)], seconds=6.0)
    assert [one.shape for one in again] == [one.shape for one in chosen]
