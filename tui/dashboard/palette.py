"""The command palette: every binding of every screen and of the app, by its verb, with its keys. One of another screen
goes there first."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode
from textual.widget import Widget

from tui.dashboard.actions import beside
from tui.dashboard.bindings import Offer, offered
from tui.dashboard.elsewhere import Distant, do, elsewhere
from tui.dashboard.host import Host

#: Added to the score of what holds the words that were typed: as the beginning of its verb; in its name, as beginnings
#: of words; in its help. What only has their letters, in that order, is listed where nothing holds the words.
VERB, WORDS, HELP = 300.0, 200.0, 100.0


@dataclass(frozen=True)
class Command:
    """A line of the palette."""

    name: str
    help: str
    shown: bool  #: also before anything was typed
    run: Callable[[], Coroutine[Any, Any, None]]


class BindingCommands(Provider):
    """Finds bindings. Without a query it shows those that stand beside pane titles."""

    async def discover(self) -> Hits:
        for command in self.commands():
            if command.shown:
                yield DiscoveryHit(command.name, command.run, help=command.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        commands = self.commands()
        ranked = [(command, _rank(query, command)) for command in commands]
        held = [(command, rank + matcher.match(command.name)) for command, rank in ranked if rank]
        for command, score in held or [(command, matcher.match(command.name)) for command in commands]:
            if score > 0:
                yield Hit(score, matcher.highlight(command.name), command.run, help=command.help)

    def commands(self) -> list[Command]:
        """All of them, those of the screen that is looked at first; of several by one name, the first."""
        found: dict[str, Command] = {}
        ids = set()
        for offer in offered(self.screen):
            ids.add(offer.binding.id)
            if offer.binding.action != "command_palette" and offer.binding.id and _is_seen(offer.node):
                name = _named(str(getattr(offer.node, "pane_title", "") or ""), offer.binding)
                command = Command(name, _help(offer), offer.binding.show, partial(self._run, offer))
                found.setdefault(name, command)
        for distant in self._elsewhere():
            if distant.binding.id not in ids:
                pane = str(getattr(distant.node, "pane_title", "") or getattr(distant.node, "help_title", "") or "")
                where = distant.place.title + (f" › {pane}" if pane and pane != distant.place.title else "")
                name = _named(where, distant.binding)
                command = Command(name, _help(distant), distant.binding.show, partial(self._go, distant))
                found.setdefault(name, command)
        return list(found.values())

    def _elsewhere(self) -> Iterator[Distant]:
        if isinstance(self.app, Host) and not self.screen.is_modal:
            yield from elsewhere(self.app)

    async def _run(self, offer: Offer) -> None:
        await self.app.run_action(offer.binding.action, offer.node)

    async def _go(self, distant: Distant) -> None:
        if isinstance(self.app, Host):
            beside(self.app, do, self.app, distant)


def _rank(query: str, command: Command) -> float:
    """How surely the words that were typed mean this; 0: they stand nowhere in it."""
    words = query.casefold().split()
    name, text = command.name.casefold(), f"{command.name} {command.help}".casefold()
    if words and name.rpartition(": ")[2].startswith(query.casefold().strip()):
        return VERB
    if words and all(re.search(rf"\b{re.escape(word)}", name) for word in words):
        return WORDS
    if words and all(re.search(rf"\b{re.escape(word)}", text) for word in words):
        return HELP
    return 0.0


def _is_seen(node: DOMNode) -> bool:
    """Whether it is on the screen and can be used: a closed search line, for one, cannot."""
    return not isinstance(node, Widget) or (node.display and not node.disabled)


def _named(where: str, binding: Binding) -> str:
    words = binding.description or binding.action
    words = words[:1].upper() + words[1:]
    return f"{where}: {words}" if where else words


def _help(what: Offer | Distant) -> str:
    keys, tooltip = " or ".join(what.keys), what.binding.tooltip
    return f"{keys} · {tooltip}" if tooltip else keys
