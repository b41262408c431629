"""Where a text that grows is cut."""

from __future__ import annotations

import pytest

from doors.wyoming.sentences import cut

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "ready"),
    [
        ("The light is off in here. And", "The light is off in here. "),
        ("The light is off in here.", ""),  # it may go on: 0.5
        ("It is off. And then", ""),  # too short alone
        ("Says Dr. Smith of the old J. R. Tolkien", ""),
        ("It weighs some 3. kilograms or", ""),
        ("Is the light still off there? Yes", "Is the light still off there? "),
        ("She said “the light is off.” Then", "She said “the light is off.” "),
        ("一つ目の文はここで終わりますよ、そうです。二つ目", "一つ目の文はここで終わりますよ、そうです。"),
        ("A heading without any full stop\n\nAnd", "A heading without any full stop\n\n"),
        ("", ""),
    ],
)
def test_whole_sentences_are_ready(text: str, ready: str) -> None:
    assert cut(text) == (ready, text[len(ready) :])
