"""What screens, widgets and dialogs may use of the application: the live picture, the daemon, and words to the
person."""

from __future__ import annotations

from textual.app import App

from proto.channel import Address, ClientError
from proto.client_async import AsyncClient
from tui.dashboard.live import Live
from tui.dialogs.confirm import ConfirmScreen
from tui.output import safe


class Host(App[None], inherit_bindings=False):
    """The application as its screens know it. `tui.app.Dashboard` makes the rest of it."""

    client: AsyncClient
    live: Live

    def __init__(self, where: Address, *, readonly: bool) -> None:
        super().__init__()
        self.where = where
        self.readonly = readonly  #: nothing may be changed
        self._shown_troubles: set[str] = set()  # sentences of troubles

    def place_name(self) -> str:
        """Which daemon this is, in a few characters."""
        return self.where.remote or "this machine"

    def say(self, sentence: str, level: str = "info") -> None:
        """A line that goes away by itself; level is "info", "warning" or "error"."""
        severity = {"warning": "warning", "error": "error"}.get(level, "information")
        self.notify(safe(sentence), severity=severity, markup=False)  # type: ignore[arg-type]  # one of Textual's three

    def trouble(self, problem: ClientError, *, once: bool = False) -> None:
        """What went wrong and what to do; `once`: not again, on whatever screen."""
        if once and problem.sentence in self._shown_troubles:
            return
        self._shown_troubles.add(problem.sentence)
        self.notify(safe(problem.hint), title=safe(problem.sentence), severity="error", markup=False, timeout=10)

    async def confirm(self, question: str, consequence: str = "", yes: str = "Yes", no: str = "No") -> bool:
        """Ask before something is lost. Only from inside a worker, as every `@asks` action is."""
        return await self.push_screen_wait(ConfirmScreen(safe(question), safe(consequence), yes, no))

    def action_go(self, place: str) -> None:
        """To another of the six screens."""
        if place != self.current_mode and not self.screen.is_modal:
            self.switch_mode(place)
