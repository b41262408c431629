"""The dashboard: wires the live picture, screens, keys and themes together. The rest is in tui/screens, tui/widgets,
tui/dashboard."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Iterable

from textual.app import SystemCommand
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Input, TextArea

from proto.channel import Address, ClientError
from proto.client_async import AsyncClient
from tui import session
from tui.dashboard import keymap, screenshot, themes
from tui.dashboard.actions import asks, beside
from tui.dashboard.host import Host
from tui.dashboard.live import Live, Topic
from tui.dashboard.palette import BindingCommands
from tui.dashboard.places import PLACES
from tui.dashboard.settings import Settings
from tui.screens.base import WorkshopScreen

GRACE = 10.0  #: seconds that the end may take after a signal


class Dashboard(Host, inherit_bindings=False):
    """`myna`: six screens over one daemon."""

    TITLE = "myna"
    CSS = """
    * { scrollbar-size-vertical: 1; scrollbar-color: $secondary; scrollbar-background: $background; }
    CommandPalette > Vertical { width: 100; max-width: 100%; margin-top: 1; }
    """
    help_title = "Everywhere"
    MODES = {place.name: place.make for place in PLACES}  # type: ignore[dict-item]  # Textual's type says Screen[Any]
    COMMANDS = {BindingCommands, *Host.COMMANDS}
    BINDINGS = [
        *(
            Binding(str(n), f"go('{to.name}')", to.title, show=False, id=f"go.{to.name}")
            for n, to in enumerate(PLACES, start=1)
        ),
        Binding("question_mark", "help", "help", id="help", tooltip="What this pane is, and its keys"),
        Binding("ctrl+p", "command_palette", "commands", id="palette", tooltip="Everything that can be done, by name"),
        Binding(
            "S",
            "start_daemon",
            "Start the daemon",
            show=False,
            id="daemon.start",
            tooltip="The one of this machine, when it was lost; jobs go on where they were",
        ),
        Binding("q", "quit", "quit", id="quit", tooltip="Close the dashboard; the daemon goes on working"),
        Binding("ctrl+c", "quit_now", "Quit at once", show=False, id="quit.now", priority=True),  # in dialogs, too
    ]

    def __init__(
        self, where: Address, settings: Settings | None = None, *, readonly: bool = False, start: bool = True
    ) -> None:
        """`start`: start a local daemon if none runs (never when read-only)."""
        super().__init__(where, readonly=readonly)
        self.start = start and not readonly and not where.remote
        self.settings = settings or Settings()
        self.mistake: Exception | None = None  #: ours, which ended the dashboard
        self._starting = False  #: a daemon, at the person's wish
        for theme in themes.THEMES.values():
            self.register_theme(theme)
        self.theme = themes.chosen(self.settings.theme)
        if self.settings.keymap:
            self.set_keymap(keymap.checked(self.settings.keymap, type(self)))

    # ---------------------------------------------------------------------------------------------- life

    async def on_mount(self) -> None:
        self.client = AsyncClient(self.where)
        self.live = Live(self.client, session.link_problem)
        self.switch_mode(PLACES[0].name)
        beside(self, self._live)
        beside(self, self._refresh_screens)
        if not self.is_headless:  # headless: somebody else's process
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self._ended_by, number)

    def _ended_by(self, number: signal.Signals) -> None:
        """End as a person would with q: the terminal is given back, and a link closed. (An exception out of a signal's
        handler is lost when it comes while gRPC calls back.)"""
        last = threading.Timer(GRACE, os._exit, (128 + number,))  # whatever the terminal that went away holds up
        last.daemon = True
        last.start()
        self.exit(return_code=128 + number)

    async def _live(self) -> None:
        if self.start and not await self.client.ready():
            from tui import daemon

            self.live.set_link_sentence("Starting the daemon …")
            try:
                await asyncio.to_thread(daemon.start, self.where.home)
                await self.client.wait_ready(daemon.START)
            except ClientError as problem:
                self.trouble(problem)
        await self.live.run()

    async def _refresh_screens(self) -> None:
        async for topics in self.live.news():
            for screen in self.screen_stack:
                if isinstance(screen, WorkshopScreen) and screen.is_mounted:
                    screen.refresh_topics(topics)
            if Topic.NOTICES in topics:
                for notice in self.live.take_notices():
                    self.say(f"{notice.sentence} {notice.hint}".strip(), notice.level)

    async def on_unmount(self) -> None:
        await self.client.close()

    def _handle_exception(self, error: Exception) -> None:
        """Textual would print pages of frames; a person gets a sentence, and a developer asks for the rest
        (MYNA_DEBUG=1)."""
        self.mistake = self.mistake or error
        if os.environ.get("MYNA_DEBUG") or self.is_headless:
            super()._handle_exception(error)
        else:
            self.exit(return_code=1)

    # ---------------------------------------------------------------------------------------------- actions

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.FALLBACK

    def action_help(self) -> None:
        from tui.dialogs.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def action_quit_now(self) -> None:
        """Close the dashboard, whatever is open in it."""
        self.exit()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A daemon can be started when it was lost, on this machine, by who may change something. The key that quits
        at once copies where text is marked, and ends nobody's writing in a dialog."""
        if action == "quit_now":
            box = self.focused if isinstance(self.focused, (Input, TextArea)) else None
            if box is not None and (self.screen.is_modal or box.selected_text):
                return False
            return not self.screen.selections
        if action == "start_daemon":
            return bool(self.live.link.since and not self.live.link.up) and not (self.readonly or self.where.remote)
        return super().check_action(action, parameters)

    @asks
    async def action_start_daemon(self) -> None:
        from tui import daemon

        if self._starting:
            return
        self._starting = True
        self.say("Starting the daemon …")
        try:
            await asyncio.to_thread(daemon.start, self.where.home)
        finally:
            self._starting = False

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield SystemCommand("Theme", "Other colours", self.action_change_theme)
        yield SystemCommand(
            "Screenshot", "Save the screen as an SVG picture", lambda: self.set_timer(0.1, self.take_screenshot)
        )

    def take_screenshot(self) -> None:
        """Save what is seen, and say where; or why not."""
        try:
            self.say(f"The screenshot is in {screenshot.save(self.export_screenshot())}.")
        except ClientError as problem:
            self.trouble(problem)


def run(where: Address, settings: Settings, *, readonly: bool = False) -> int:
    """Show the dashboard until the person quits; the exit code, 128 + the number of a signal that ended it."""
    # what was imported stays: the collector need not look at it again and again while the first picture is made
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    app = Dashboard(where, settings, readonly=readonly)
    app.run()
    if app.mistake is not None:
        raise app.mistake  # the command line says it in a sentence
    return app.return_code or 0
