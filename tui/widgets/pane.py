"""A framed part of a screen: its title with its keys beside it, its help, its bindings."""

from __future__ import annotations

from typing import ClassVar

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from tui.dashboard.actions import Guarded
from tui.dashboard.bindings import offers


class Pane(Guarded, Vertical):
    """A box with a title. Subclasses set `pane_title`, `pane_help` and BINDINGS; bindings that `show` stand in the
    frame."""

    DEFAULT_CSS = """
    Pane {
        border: round $secondary;
        border-title-color: $foreground;
        border-title-style: bold;
        border-subtitle-color: $text-muted;
        padding: 0 1;
        &:focus-within { border: round $primary; border-title-color: $primary; }
    }
    """

    ALLOW_MAXIMIZE = True
    pane_title: ClassVar[str] = ""
    screen_keys: tuple[str, ...] = ()  #: ids of the screen's bindings that stand in this frame; they work everywhere
    pane_help: ClassVar[str] = ""  #: what one sees here, in a few sentences; `?` shows it above the keys

    _written = Content("")

    def on_mount(self) -> None:
        self.show_title()

    def show_title(self, more: str = "") -> None:
        """Write title, `more` (such as a count) and the keys of the pane and of what is seen in it into the frame."""
        seen = [node for node in (self, *self.walk_children(Widget)) if node.display]
        offered = [offer for node in seen for offer in offers(node) if offer.binding.show]
        offered += [offer for offer in offers(self.screen) if offer.binding.id in self.screen_keys]
        keys = [(offer.keys[0], offer.title[:1].lower() + offer.title[1:]) for offer in offered]
        parts: list[str | Content | tuple[str, str]] = [
            self.pane_title,
            (f" {more}" if more else "", "$muted not bold"),
        ]
        for key, words in dict.fromkeys(keys):  # of several widgets of one kind, once
            parts += [("  ", ""), (key, "$accent not bold"), (f" {words}", "$muted not bold")]
        title = Content.assemble(*parts)
        if title != self._written:  # the frame is painted only when it says something else
            self._written = title
            self.border_title = title  # type: ignore[assignment]  # str or Content, as Textual's setter takes
