"""What of a text `parrot` cannot say: nothing."""

from __future__ import annotations

from engines.text.unspeakable import Stretch


def unspeakable(text: str, language: str) -> tuple[Stretch, ...]:
    return ()
