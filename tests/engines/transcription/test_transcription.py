"""Recognisers: the real weak one, Whisper's path with a tiny random model, and the choice between them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
import itertools
from dataclasses import replace

from faster_whisper.audio import pad_or_trim
from speech import RATE, TEXTS, speech
from tiny_whisper import MULTILINGUAL, build

from engines.errors import BadInput, OutOfMemory, WeightsMissing
from engines.metrics.wer import cer
from engines.recognisers import ENVIRONMENT, whisper_folder
from engines.transcription.base import Transcript
from engines.transcription.choose import choose
from engines.transcription.room import Precision, Way
from engines.transcription.sphinx import SphinxTranscriber
from engines.transcription.whisper import WhisperTranscriber

#: First sample, and seconds, of parts of each file.
WINDOWS = ((0, 1.0), (RATE // 2, 1.7), (RATE, 2.4))


@pytest.fixture(scope="module")
def sphinx() -> SphinxTranscriber:
    return SphinxTranscriber()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("weights") / "whisper")


@pytest.fixture(scope="module")
def whisper(tiny: Path) -> WhisperTranscriber:
    return WhisperTranscriber(tiny, "en", threads=1)


@pytest.fixture(autouse=True)
def no_whisper_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)


def test_the_weak_recogniser_hears_most_words(sphinx: SphinxTranscriber) -> None:
    heard = sphinx.transcribe(speech("letter"))
    assert cer(TEXTS["letter"], heard.text) < 0.3
    assert heard.text.startswith("she ")
    assert "to her brother in the" in heard.text
    assert (heard.engine, heard.trust) == ("pocketsphinx", "low")
    assert heard.text == " ".join(word.text for word in heard.words)


def test_its_words_have_times_in_order(sphinx: SphinxTranscriber) -> None:
    sound = speech("letter")
    words = sphinx.transcribe(sound).words
    assert all(0 <= w.start < w.end <= len(sound) / RATE + 0.02 and 0 <= w.confidence <= 1 for w in words)
    assert all(a.end <= b.start + 0.011 for a, b in itertools.pairwise(words))


@pytest.mark.long
def test_a_clip_is_heard_alike_whatever_was_heard_before_and_however_loud(sphinx: SphinxTranscriber) -> None:
    sound = speech("letter")[: round(1.2 * RATE)]
    first = sphinx.transcribe(sound)
    for before in ("harbour", "market", "letter"):
        sphinx.transcribe(speech(before)[:RATE] * 0.2)
        assert sphinx.transcribe(sound) == first  # its words, their times, and how sure it is
    assert sphinx.transcribe(sound * 0.05).text == first.text


@pytest.fixture(scope="module")
def heard_alone(sphinx: SphinxTranscriber) -> dict[str, Transcript]:
    return {name: sphinx.transcribe(speech(name)) for name in TEXTS}


@pytest.mark.parametrize("copies", [1, *(pytest.param(more, marks=pytest.mark.long) for more in (2, 3))])
def test_several_clips_are_heard_at_once_and_come_in_order(heard_alone: dict[str, Transcript], copies: int) -> None:
    names = ("letter", "harbour", "market", "harbour")
    together = SphinxTranscriber(copies).transcribe_many([speech(name) for name in names], lambda: None)
    assert together == [heard_alone[name] for name in names]


@pytest.mark.parametrize("sound", [np.zeros(RATE, np.float32), np.zeros(0, np.float32), np.ones(10, np.float32)])
def test_silence_and_next_to_nothing_have_no_words(
    sphinx: SphinxTranscriber, whisper: WhisperTranscriber, sound: np.ndarray
) -> None:
    assert sphinx.transcribe(sound).text == ""
    assert whisper.transcribe(sound).text == ""
    assert whisper.transcribe_many([sound])[0].text == ""


def test_whisper_gives_one_transcript_a_clip_in_order(whisper: WhisperTranscriber) -> None:
    """Nine clips are two batches; silence, and a clip longer than the model's window, stand among them."""
    silence, long = np.zeros(RATE, np.float32), np.tile(speech("market"), 5)
    clips = [speech("letter"), silence, speech("harbour"), speech("letter"), long, *[speech("harbour")] * 6]
    heard = whisper.transcribe_many(clips)
    assert len(heard) == len(clips)
    assert (heard[1].text, heard[1].confidence) == ("", 0.0)
    assert heard[0].text == heard[3].text
    assert len({one.text for one in (heard[2], *heard[5:])}) == 1
    assert all(one.engine == "whisper" and one.trust == "high" and 0 <= one.confidence <= 1 for one in heard)


def test_whisper_hears_clips_in_batches_as_it_hears_each_alone(whisper: WhisperTranscriber) -> None:
    """Nine different clips, which are two batches, of different lengths: nothing of a clip is heard in another."""
    parts = [speech(name)[begin : begin + round(length * RATE)] for name in TEXTS for begin, length in WINDOWS]
    together = whisper.transcribe_many(parts)
    alone = [whisper.transcribe_many([part])[0] for part in parts]
    assert [one.text for one in together] == [one.text for one in alone]
    assert [one.confidence for one in together] == pytest.approx([one.confidence for one in alone], abs=1e-4)
    assert len({one.text for one in alone}) > 2


def test_whisper_gives_times_of_single_clips(whisper: WhisperTranscriber) -> None:
    sound = speech("harbour")
    heard = whisper.transcribe(sound)
    assert heard.words
    assert all(0 <= word.start <= word.end <= 30 for word in heard.words)


def test_words_of_a_batch_are_timed_as_faster_whisper_times_those_of_one_clip(whisper: WhisperTranscriber) -> None:
    """The same tokens, of clips of different lengths, one of which has no words."""
    clips = [speech("letter"), speech("harbour")[:RATE], speech("market")]
    mels = [whisper._model.feature_extractor(clip) for clip in clips]
    encoded = whisper._model.encode(np.stack([pad_or_trim(one) for one in mels]))
    written, frames = [[270, 280, 46, 290], [], [260, 265]], [one.shape[-1] for one in mels]
    found = whisper._words(encoded, written, frames)
    usual = whisper._model.find_alignment(whisper._tokenizer, written, encoded, frames)
    assert [len(one) for one in found] == [3, 0, 2]
    assert [word.text for word in found[0]][1] == "w280O", "byte 46 of the vocabulary is the letter O"
    for words, others in zip(found, usual, strict=True):
        assert [(word.start, word.end) for word in words] == [
            (pytest.approx(other["start"]), pytest.approx(other["end"])) for other in others
        ]
        assert [word.confidence for word in words] == pytest.approx([other["probability"] for other in others])


def test_whisper_tells_the_words_of_clips_in_a_batch_each_within_its_clip(tmp_path: Path) -> None:
    clips = [speech(name)[: RATE + n * RATE // 2] for n, name in enumerate(TEXTS)]
    whisper = WhisperTranscriber(build(tmp_path / "base", replace(MULTILINGUAL, width=32)), "en", threads=1)
    heard = whisper.transcribe_many([*clips, np.zeros(RATE, np.float32)])
    assert heard[-1].words == ()
    assert any(one.words for one in heard)
    for one, clip in zip(heard, clips, strict=False):
        assert "".join(word.text for word in one.words) == "".join(one.text.split())
        assert all(0 <= word.start <= word.end <= len(clip) / RATE and 0 <= word.confidence <= 1 for word in one.words)
        assert all(a.end <= b.start + 1e-6 for a, b in itertools.pairwise(one.words))
        (alone,) = whisper.transcribe_many([clip])
        assert [(w.text, w.start, w.end) for w in alone.words] == [(w.text, w.start, w.end) for w in one.words]


def test_whisper_tells_how_probable_the_language_is(tmp_path: Path, whisper: WhisperTranscriber) -> None:
    """With random weights each of a hundred languages has some probability, and none is sure."""
    folder = build(tmp_path / "many", MULTILINGUAL)
    clips = [speech("letter"), speech("harbour")]
    probable = {code: WhisperTranscriber(folder, code, threads=1).transcribe_many(clips) for code in ("en", "fi", "de")}
    for number in range(len(clips)):
        here = [probable[code][number] for code in probable]
        assert len({one.language for one in here}) == 1, "the likeliest does not follow from the one that is wanted"
        shares = [one.language_probability or 0.0 for one in here]
        assert all(0 < share < 1 for share in shares)
        assert len(set(shares)) == len(shares)
        assert sum(shares) < 1
    likeliest = probable["en"][0].language
    first = WhisperTranscriber(folder, likeliest, threads=1)
    assert (first.transcribe(clips[0]).language_probability or 0.0) > max(
        one[0].language_probability or 0.0 for one in probable.values()
    )
    long = first.transcribe_many([np.tile(clips[0], 12)])[0]
    assert long.language, "of more than 30 s, too"
    assert whisper.transcribe_many(clips)[0].language_probability is None, "a model of English alone knows no other"


def test_whisper_looping_is_heard_again_on_its_own(
    whisper: WhisperTranscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whisper._tokenizer.__class__, "decode", lambda self, tokens: "again and " * 30)
    assert whisper._batch([speech("letter")]) == [None]


def heard_of(one: Transcript) -> tuple[str, list[str]]:
    return one.text, [word.text for word in one.words]


def test_several_workers_hear_what_one_hears_in_order(tiny: Path, whisper: WhisperTranscriber) -> None:
    clips = [speech(name)[begin : begin + round(length * RATE)] for name in TEXTS for begin, length in WINDOWS][:8]
    several = WhisperTranscriber(tiny, "en", way=Way("cpu", Precision.INT8, 3, 3, 1))
    assert list(map(heard_of, several.transcribe_many(clips))) == list(map(heard_of, whisper.transcribe_many(clips)))


def test_where_memory_runs_out_it_goes_on_in_smaller_ways_and_hears_the_same(
    tiny: Path, whisper: WhisperTranscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [speech("letter")[: RATE + n * 1_000] for n in range(8)]
    expected = list(map(heard_of, whisper.transcribe_many(clips)))
    told: list[tuple[Way, Way]] = []
    first = Way("cpu", Precision.INT8, 4, 2, 4)
    short = WhisperTranscriber(tiny, "en", way=first, on_smaller=lambda before, after: told.append((before, after)))
    batch = WhisperTranscriber._batch

    def small(self: WhisperTranscriber, some: Sequence[np.ndarray]) -> list[Transcript | None]:
        if len(some) > 2:
            raise RuntimeError("CUDA failed with error out of memory")
        return batch(self, some)

    monkeypatch.setattr(WhisperTranscriber, "_batch", small)
    assert list(map(heard_of, short.transcribe_many(clips))) == expected
    assert [after.at_once * after.workers for _, after in told] == [4, 2]
    assert short.way == told[-1][1] == Way("cpu", Precision.INT8, 2, 1, 8)
    short.transcribe_many(clips)
    assert len(told) == 2, "it stays so"
    settings = WhisperTranscriber(tiny, "en", way=Way("cpu", Precision.FLOAT32)).settings
    assert short.settings == whisper.settings != settings
    assert short.earlier_settings == [], "the batches are smaller, and the words the same"
    other = WhisperTranscriber(tiny, "en", way=first, earlier=[Precision.FLOAT32, Precision.INT8])
    assert other.earlier_settings == [settings]


def test_memory_that_does_not_do_for_one_clip_is_a_sentence_and_other_errors_stay(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error: list[Exception] = [RuntimeError("out of memory")]

    def fails(self: WhisperTranscriber, some: Sequence[np.ndarray]) -> list[Transcript | None]:
        raise error[0]

    monkeypatch.setattr(WhisperTranscriber, "_batch", fails)
    with pytest.raises(OutOfMemory, match="one clip at a time"):
        WhisperTranscriber(tiny, "en").transcribe_many([speech("letter")])
    error[0] = RuntimeError("something else")
    with pytest.raises(RuntimeError, match="something else"):
        WhisperTranscriber(tiny, "en").transcribe_many([speech("letter")])


def test_a_language_that_the_model_lacks_is_refused(tiny: Path) -> None:
    with pytest.raises(BadInput, match="does not know the language 'fi'"):
        WhisperTranscriber(tiny, "fi")


def test_whisper_is_chosen_where_its_weights_are(tiny: Path) -> None:
    choice = choose("en", tiny.parent)
    assert choice.transcriber is not None
    assert choice.transcriber.name == "whisper"
    assert "Whisper" in choice.why
    assert choice.aligner is None
    assert choice.second is not None, "PocketSphinx knows English, and is a second ear"


def test_a_model_one_folder_deeper_is_found(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "whisper").mkdir()
    (tmp_path / "whisper" / "tiny").symlink_to(tiny)
    assert whisper_folder(tmp_path) == tmp_path / "whisper" / "tiny"


def test_without_weights_english_is_heard_weakly_and_the_choice_says_so(tmp_path: Path) -> None:
    choice = choose("en", tmp_path)
    assert choice.transcriber is not None
    assert (choice.transcriber.name, choice.transcriber.trust) == ("pocketsphinx", "low")
    assert "low-trust" in choice.why
    assert "`myna engines`" in choice.why


def test_without_weights_other_languages_are_not_heard_and_the_choice_says_what_to_do(tmp_path: Path) -> None:
    choice = choose("fi", tmp_path)
    assert choice.transcriber is None
    assert "need their text beside them" in choice.why


def test_weights_named_outright_that_are_none_are_an_error_not_a_weaker_recogniser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    with pytest.raises(WeightsMissing, match="holds no Whisper model"):
        choose("en")


def test_broken_weights_are_a_sentence(tiny: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        (tmp_path / name).write_bytes((tiny / name).read_bytes())
    (tmp_path / "model.bin").write_bytes((tiny / "model.bin").read_bytes()[:1000])
    with pytest.raises(WeightsMissing, match="cannot be loaded"):
        WhisperTranscriber(tmp_path, "en")
