"""What of a text a provider cannot say: they tell that themselves."""

from __future__ import annotations

from engines.text.unspeakable import Stretch


def unspeakable(text: str, language: str) -> tuple[Stretch, ...]:
    """Nothing."""
    return ()
