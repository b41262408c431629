"""Words of clips: where a given text lies before clips are cut, and what is kept of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripted import Scripted
from speech import FIXTURES, TEXTS, recording

from engines.cutting.clips import cut_recording
from engines.glow.info import INFO
from engines.metrics.normalise import normalise
from engines.transcription.alignment import FITS, Aligner
from engines.transcription.base import Word

#: An engine that takes one sentence at a time.
SHORT = replace(INFO, clip_seconds=(0.8, 4.0))


def test_the_times_of_words_are_kept_with_their_clip(tmp_path: Path) -> None:
    """Of a given text that fits, as it was laid; else of what was heard."""
    (laid,) = cut_recording(
        FIXTURES / "harbour.flac", TEXTS["harbour"], "en", INFO, Scripted(), tmp_path, aligner=Aligner()
    )
    assert [word.text for word in laid.words] == normalise(TEXTS["harbour"], "en").split()
    assert laid.quality.word_confidence is None, "no recogniser heard it"
    assert all(0 <= one.start < one.end <= laid.seconds for one in laid.words)
    sure = (Word("hello", 0.1, 0.5, 0.9), Word("—", 0.5, 0.6, 0.1), Word("there", 0.6, 1.0, 0.4))
    for trust, least in (("high", 0.4), ("low", None)):
        hears = Scripted("hello — there", trust=trust, words=sure)  # type: ignore[arg-type]
        (clip,) = cut_recording(FIXTURES / "harbour.flac", None, "en", INFO, hears, tmp_path)
        assert clip.words == sure
        assert clip.quality.word_confidence == least
        assert clip.facts.heard is not None
        assert clip.facts.heard.least_sure == ("there" if least else "")


def test_a_text_of_several_clips_is_laid_under_all_of_them_and_not_listened_to(tmp_path: Path) -> None:
    made = recording(tmp_path / "a.flac", ["harbour", "letter", "harbour"], pause=1.0)
    recogniser = Scripted()
    clips = cut_recording(made.path, made.text, "en", SHORT, recogniser, tmp_path, aligner=Aligner())
    assert [clip.text for clip in clips] == [TEXTS["harbour"], TEXTS["letter"], TEXTS["harbour"]]
    assert all(clip.kept and clip.facts.text_shared and (clip.quality.text_fit or -9.0) > FITS for clip in clips)
    assert recogniser.given == []


def test_a_text_of_several_clips_in_which_words_are_missing_is_listened_to(tmp_path: Path) -> None:
    """Which words are said in which of them is what the recogniser is for."""
    made = recording(tmp_path / "a.flac", ["harbour", "letter", "harbour"], pause=1.0)
    recogniser = Scripted(TEXTS["harbour"], TEXTS["letter"], TEXTS["harbour"])
    text = f"{TEXTS['harbour']} {TEXTS['harbour']}"
    clips = cut_recording(made.path, text, "en", SHORT, recogniser, tmp_path, aligner=Aligner())
    assert [clip.kept for clip in clips] == [True, False, True]
    assert clips[0].text == TEXTS["harbour"]
    assert clips[2].text.endswith("small boat left the harbour before the sun came up.")
    assert len(recogniser.given) == 3
