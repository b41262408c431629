"""What all six screens share: tab bar, status line, filter line; the last picture greyed when the daemon is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.screen import Screen

from tui.dashboard.actions import Guarded
from tui.dashboard.bindings import offers
from tui.dashboard.live import Topic
from tui.widgets.filter_bar import FilterBar
from tui.widgets.pane import Pane
from tui.widgets.status_line import StatusLine
from tui.widgets.tab_bar import TabBar

if TYPE_CHECKING:
    from tui.dashboard.host import Host


class WorkshopScreen(Guarded, Screen[None], inherit_bindings=False):
    """A screen of the workshop. Subclasses give `place`, `body` and `show`."""

    place: ClassVar[str] = ""  #: its name in `tui.dashboard.places.PLACES`
    screen_help: ClassVar[str] = ""  #: what the screen is for; `?` shows it

    BINDINGS = [
        Binding("tab", "app.focus_next", "Next pane", show=False, id="focus.next"),
        Binding("shift+tab", "app.focus_previous", "Pane before", show=False, id="focus.before"),
        Binding("slash", "filter", "filter", id="filter", tooltip="Show only rows that hold these words"),
        Binding("escape", "leave", "Back", show=False, id="back"),
        Binding("z", "zoom", "Maximise", show=False, id="zoom", tooltip="Maximise this pane, or restore it"),
        Binding("ctrl+c,super+c", "copy_text", "Copy the marked text", show=False, id="copy"),
    ]
    DEFAULT_CSS = """
    WorkshopScreen {
        background: $background;
        & > #body { height: 1fr; }
        & Pane.-maximized { width: 1fr !important; height: 1fr !important; }
        /* a notice takes room, and covers no pane */
        & > ToastRack { layer: default; margin: 0 0 1 0; max-height: 8; overflow-y: hidden; }
        & Toast { width: 1fr; max-width: 100%; margin: 0; padding: 0 1; }
        &.-lost > #body { opacity: 45%; }  /* a tint would be of the box alone, not of what lies in it */
        &.-lost:ansi > #body { opacity: 100%; text-style: dim; }
    }
    """

    ESCAPE_TO_MINIMIZE = False  # `action_leave` says what Esc does, and in which order
    ALLOW_IN_MAXIMIZED_VIEW = "TabBar, StatusLine, FilterBar, PlayingLine"

    def __init__(self) -> None:
        super().__init__()
        self.drawn = asyncio.Event()  #: all that is known was drawn since the screen came up

    app: Host  # type: ignore[assignment]  # every app that shows these screens is a Host

    def compose(self) -> ComposeResult:
        from tui.dashboard.places import PLACES

        yield TabBar([(place.name, place.title) for place in PLACES], self.place)
        with Container(id="body"):
            yield from self.body()
        yield from self.beneath()
        yield FilterBar()
        yield StatusLine()

    # ---------------------------------------------------------------------------------------------- for subclasses

    def body(self) -> ComposeResult:
        """The panes."""
        yield from ()

    def beneath(self) -> ComposeResult:
        """Lines below the panes, seen beside a maximised one, too."""
        yield from ()

    def show(self, topics: Topic) -> None:
        """Draw what changed. Called at most four times a second, only while the screen is looked at, and with ALL when
        it comes up."""

    def filtered(self, text: str) -> None:
        """The words typed after `/` changed (empty: everything is wanted)."""

    # ---------------------------------------------------------------------------------------------- the rest

    def refresh_topics(self, topics: Topic) -> None:
        """News for this screen, if it is there."""
        if self.is_attached and self.query(StatusLine):  # else it is being taken down
            self._refresh_topics(topics)

    def _refresh_topics(self, topics: Topic) -> None:
        if Topic.LINK in topics:
            link = self.app.live.link
            self.set_class(not link.up, "-lost")
            keys = [
                (offer.keys[0], offer.title)
                for node in (self.app, self)
                for offer in offers(node)
                if offer.binding.show
            ]
            remedy = [offer.keys[0] for offer in offers(self.app) if offer.binding.id == "daemon.start"]
            self.query_one(StatusLine).show_state(link, keys, self.app.readonly, "".join(remedy))
            self.query_one(TabBar).show_place(self.app.place_name())
        self.show(topics)
        if topics == Topic.ALL:
            self.drawn.set()

    def on_screen_resume(self) -> None:
        self.drawn.clear()
        self.call_after_refresh(self.refresh_topics, Topic.ALL)

    def action_filter(self) -> None:
        self.query_one(FilterBar).open()

    def on_filter_bar_typed(self, event: FilterBar.Typed) -> None:
        self.filtered(event.text)

    def on_filter_bar_left(self) -> None:
        self.focus_first()

    def action_zoom(self) -> None:
        """The pane with the focus alone, or all again."""
        pane = (
            next((node for node in self.focused.ancestors_with_self if isinstance(node, Pane)), None)
            if self.focused
            else None
        )
        if self.maximized is not None:
            self.minimize()
        elif pane is not None:
            self.maximize(pane, container=False)

    def action_leave(self) -> None:
        """Out of a text box; else the filter away; else out of a pane as large as the screen."""
        bar = self.query_one(FilterBar)
        if self.focused is not None and self.focused.check_consume_key("a", "a"):
            self.focus_first()
        elif bar.value:
            bar.action_clear()
        elif self.maximized is not None:
            self.minimize()

    def focus_first(self) -> None:
        """Into the first widget that is no text box."""
        first = next((node for node in self.focus_chain if not node.check_consume_key("a", "a")), None)
        self.set_focus(first)
