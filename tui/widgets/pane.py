"""A framed part of a screen: its title with its keys beside it, its help, its bindings."""

from __future__ import annotations

from typing import ClassVar

from textual.containers import Vertical
from textual.content import Content

from tui.dashboard.actions import Guarded
from tui.dashboard.bindings import offers


class Pane(Guarded, Vertical):
    """A box with a title. Subclasses set `pane_title`, `pane_help` and BINDINGS; bindings that `show` stand in the frame."""

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

    pane_title: ClassVar[str] = ""
    pane_help: ClassVar[str] = ""  #: what one sees here, in a few sentences; `?` shows it above the keys

    def on_mount(self) -> None:
        self.show_title()

    def show_title(self, more: str = "") -> None:
        """Write title, `more` (such as a count) and keys into the frame."""
        keys = [(" ".join(offer.keys[:1]), offer.title) for offer in offers(self) if offer.binding.show]
        parts: list[str | Content | tuple[str, str]] = [f"{self.pane_title} {more}".strip()]
        for key, words in keys:
            parts += [("  ", ""), (key, "$accent not bold"), (f" {words}", "$text-muted not bold")]
        self.border_title = Content.assemble(*parts)  # type: ignore[assignment]  # str or Content, as Textual's setter takes
