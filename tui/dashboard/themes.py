"""Themes: our dark and light, one of the terminal's own 16 colours, and one whose states do not rest on red against
green.

Colours that mean something are used everywhere by name: $success, $warning, $error, $accent (what runs), $primary (what
has the focus), and
$muted for what stands back ($text-muted is right in CSS, but cannot be used inside Content).
The eye-safe pair is Okabe and Ito's palette (https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from textual.theme import BUILTIN_THEMES, Theme

from proto.channel import ClientError

DARK = Theme(
    name="myna-dark",
    primary="#7aa2f7",
    secondary="#565f89",
    accent="#2ac3de",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    foreground="#c0caf5",
    background="#16161e",
    surface="#1a1b26",
    panel="#24283b",
    variables={"muted": "#8f97bd"},
)
LIGHT = Theme(
    name="myna-light",
    primary="#2e5aac",
    secondary="#8990b3",
    accent="#00727a",
    success="#3b6d11",
    warning="#8a5a00",
    error="#b3123f",
    foreground="#2b2f45",
    background="#f4f4f7",
    surface="#ffffff",
    panel="#e4e6ee",
    dark=False,
    variables={"muted": "#5c6284"},
)
EYE_SAFE = Theme(
    name="myna-eye-safe",
    primary="#56b4e9",
    secondary="#8a8a8a",
    accent="#f0e442",
    success="#56b4e9",
    warning="#e69f00",
    error="#d55e00",
    foreground="#e6e6e6",
    background="#101014",
    surface="#17171c",
    panel="#26262e",
    variables={"muted": "#a0a0a8"},
)
_ansi = BUILTIN_THEMES["ansi-dark"]
SIXTEEN = Theme(
    name="myna-16",
    ansi=True,
    primary="ansi_bright_blue",
    secondary="ansi_bright_black",
    accent="ansi_bright_cyan",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_bright_red",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={**_ansi.variables, "muted": "ansi_bright_black"},
)
FALLBACK = {"muted": "#909090"}  #: for themes that are not ours
THEMES = {theme.name: theme for theme in (DARK, LIGHT, EYE_SAFE, SIXTEEN)}


def chosen(name: str = "") -> str:
    """The theme to begin with: the named one, else ours for as many colours as the terminal has. Raises ClientError for
    another name."""
    if name and name not in THEMES and name not in BUILTIN_THEMES:
        raise ClientError(
            f"There is no theme {name!r}.", f"There are: {', '.join([*THEMES, *BUILTIN_THEMES])}.", "INVALID_ARGUMENT"
        )
    return name or (SIXTEEN.name if few_colours() else DARK.name)


def rich_colour(variables: Mapping[str, str], name: str) -> str:
    """A colour of the theme ("accent") as Rich writes it, for tables and logs; dim where the theme leaves it to the
    terminal."""
    colour = variables.get(name, "")
    if colour in ("", "ansi_default") or colour.startswith("auto"):
        return "dim" if name == "muted" else ""
    return colour.removeprefix("ansi_")


def few_colours() -> bool:
    """Does the terminal know only the sixteen old colours?"""
    kind = os.environ.get("TERM", "")
    return (
        not os.environ.get("COLORTERM") and "256" not in kind and kind in ("linux", "vt100", "vt220", "ansi", "cygwin")
    )
