"""`?`: what the pane with the focus is, and every key that works now, nearest first, each with its id for the keymap."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui.dashboard import settings
from tui.dashboard.bindings import Offer, chain, offers
from tui.widgets.scroll import Scroll


class HelpScreen(ModalScreen[None], inherit_bindings=False):
    """A page over the screen; any of its keys closes it."""

    BINDINGS = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close", id="help.close"),
    ]
    DEFAULT_CSS = """
    HelpScreen {
        align: center middle;
        & > Scroll {
            width: 84; max-width: 94%; height: auto; max-height: 90%; border: round $primary; background: $surface; padding: 0 2;
        }
    }
    """

    def __init__(self, about: Screen[object]) -> None:
        super().__init__()
        self._page = page(about)

    def compose(self) -> ComposeResult:
        with Scroll() as scroll:
            scroll.border_title = "Help"
            scroll.border_subtitle = "Esc closes · j k scroll"
            yield Static(self._page)


def page(about: Screen[object]) -> Content:
    """The text: a section for each node from the focused widget up to the app."""
    parts: list[Content] = []
    for node in chain(about):
        told = offers(node)
        words = str(getattr(node, "pane_help", "") or getattr(node, "screen_help", "") or "")
        if not told and not words:
            continue
        parts.append(Content.assemble((f"\n{_title(node)}\n", "b $primary"), f"{words}\n" if words else ""))
        parts += [_line(offer) for offer in told]
    parts.append(Content.assemble(("\nOther keys: ", "b"), f'[keymap] in {settings.path()}, a line like quit = "ctrl+q".\n'))
    return Content("").join(parts)


def _title(node: DOMNode) -> str:
    return str(getattr(node, "pane_title", "") or getattr(node, "screen_title", "") or getattr(node, "help_title", "") or "Here")


def _line(offer: Offer) -> Content:
    keys = " ".join(offer.keys)
    says = offer.title[:1].upper() + offer.title[1:]
    more = f": {offer.binding.tooltip}" if offer.binding.tooltip else ""
    return Content.assemble((f"  {keys:<14}", "$accent"), f" {says}{more}", (f"  {offer.binding.id}\n", "$muted"))
