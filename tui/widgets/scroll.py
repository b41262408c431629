"""A box whose content scrolls, by the keys of vi beside the arrows."""

from __future__ import annotations

from textual.binding import Binding
from textual.containers import VerticalScroll


class Scroll(VerticalScroll, inherit_bindings=False):
    """For texts longer than the screen."""

    BINDINGS = [
        Binding("j,down", "scroll_down", "Down", show=False, id="scroll.down"),
        Binding("k,up", "scroll_up", "Up", show=False, id="scroll.up"),
        Binding("g,home", "scroll_home", "Top", show=False, id="scroll.top"),
        Binding("G,end", "scroll_end", "Bottom", show=False, id="scroll.bottom"),
        Binding("ctrl+f,pagedown", "page_down", "Page down", show=False, id="scroll.page-down"),
        Binding("ctrl+b,pageup", "page_up", "Page up", show=False, id="scroll.page-up"),
    ]
