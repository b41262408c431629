"""`?`: what the pane with the focus is, and every key that works now, nearest first, each with its id for the
keymap."""

from __future__ import annotations

from textwrap import wrap

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui.dashboard import settings
from tui.dashboard.bindings import Offer, chain, offers
from tui.widgets.scroll import Scroll

WIDTH = 84  #: cells of the page, on a terminal that has them
KEYS = 14  #: cells in which keys are written


class HelpScreen(ModalScreen[None], inherit_bindings=False):
    """A page over the screen; any of its keys closes it."""

    BINDINGS = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close", id="help.close"),
    ]
    DEFAULT_CSS = """
    HelpScreen {
        align: center middle;
        & > Scroll {
            width: 84; max-width: 94%; height: auto; max-height: 90%;
            border: round $primary; background: $surface; padding: 0 2;
        }
    }
    """

    def __init__(self, about: Screen[object]) -> None:
        super().__init__()
        self._page = page(about, min(WIDTH, int(about.size.width * 0.94)) - 8)

    def compose(self) -> ComposeResult:
        with Scroll() as scroll:
            scroll.border_title = "Help"
            scroll.border_subtitle = "Esc closes · j k scroll"
            yield Static(self._page)


def page(about: Screen[object], width: int) -> Content:
    """The text: a section for each node from the focused widget up to the app, in lines of at most `width` cells."""
    parts: list[Content] = []
    for node in chain(about):
        offered = offers(node)
        words = str(getattr(node, "pane_help", "") or getattr(node, "screen_help", "") or "")
        if offered or words:
            parts.append(
                Content.assemble(
                    (f"\n{_title(node)}\n", "b $primary"), "".join(f"{line}\n" for line in wrap(words, width))
                )
            )
            parts += [_entry(offer, width) for offer in offered]
    parts.append(
        Content.assemble(
            ("\nOther keys\n", "b $primary"), f'[keymap] in {settings.path()}: id = "keys", as quit = "ctrl+q".\n'
        )
    )
    return Content("").join(parts)


def _title(node: DOMNode) -> str:
    return str(
        getattr(node, "pane_title", "")
        or getattr(node, "screen_title", "")
        or getattr(node, "help_title", "")
        or "Here"
    )


def _entry(offer: Offer, width: int) -> Content:
    """Keys, what they do, and the id by which they can be changed."""
    says = offer.title[:1].upper() + offer.title[1:]
    says += f": {offer.binding.tooltip}" if offer.binding.tooltip else ""
    lines = wrap(says, width - KEYS - 2) or [""]
    name = str(offer.binding.id or "")
    if len(lines[-1]) + len(name) + 2 > width - KEYS - 2:
        lines.append("")
    keys = f"{' '.join(offer.keys):<{KEYS}}"
    body = f"\n{' ' * (KEYS + 2)}".join(lines)
    gap = " " * (width - KEYS - 2 - len(lines[-1]) - len(name))
    return Content.assemble(("  " + keys, "$accent"), body, (f"{gap}{name}\n", "$muted"))
