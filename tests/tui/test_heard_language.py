"""`myna voices show` tells a language that was heard with its probability."""

from __future__ import annotations

import pytest

from tests.tui.conftest import Run
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


def test_a_language_that_was_heard_is_shown_with_how_sure_it_is(myna: Run, stage: Stage) -> None:
    (voice, *_) = stage.voices.rows
    assert f"{voice.language}, " not in myna("voices", "show", voice.name).out, "it was given"
    voice.heard_language.SetInParent()
    assert f"{voice.language}, until Whisper has heard which it is" in myna("voices", "show", voice.name).out
    voice.heard_language.language, voice.heard_language.probability = voice.language, 0.97
    voice.heard_language.seconds = 84.0
    assert f"{voice.language}, heard: 97% over 84 s" in myna("voices", "show", voice.name).out
