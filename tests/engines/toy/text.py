"""What of a text `toy` cannot say."""

from __future__ import annotations

from engines.text.unspeakable import Stretch, find


def unspeakable(text: str, language: str) -> tuple[Stretch, ...]:
    return find(text, str.isascii)
