"""Traits of a derived voice in words: for the job's sentence and for the reports of its versions."""

from __future__ import annotations

import math

from engines.traits import Reached, Traits


def said(traits: Traits) -> str:
    """What is asked for, in a few words."""
    return f"pitch {traits.pitch:+g} st, pace {traits.pace:g}, liveliness {traits.liveliness:g}"


def compared(wanted: Traits, reached: Reached) -> str:
    """What came out, beside what was asked for."""
    parts = (
        f"pitch {_number(reached.pitch, '+.2f')} semitones ({wanted.pitch:+g} asked for)",
        f"pace {_number(reached.pace, '.3f')} ({wanted.pace:g})",
        f"liveliness {_number(reached.liveliness, '.2f')} ({wanted.liveliness:g})",
    )
    return ", ".join(parts)


def _number(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "not measurable"
