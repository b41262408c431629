"""The command palette: every binding of the screen and of the app, by its description, with its keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.dashboard.bindings import Offer, offered


class BindingCommands(Provider):
    """Finds bindings. Without a query it shows those that stand beside pane titles."""

    async def discover(self) -> Hits:
        for offer in self._offers():
            if offer.binding.show:
                yield DiscoveryHit(_named(offer), partial(self._run, offer), help=_help(offer))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for offer in self._offers():
            name = _named(offer)
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), partial(self._run, offer), help=_help(offer))

    def _offers(self) -> Iterator[Offer]:
        seen = set()
        for offer in offered(self.screen):
            name = _named(offer)
            if name not in seen and offer.binding.action != "command_palette":
                seen.add(name)
                yield offer

    async def _run(self, offer: Offer) -> None:
        await self.app.run_action(offer.binding.action, offer.node)


def _named(offer: Offer) -> str:
    title = str(getattr(offer.node, "pane_title", "") or "")
    words = offer.title[:1].upper() + offer.title[1:]
    return f"{title}: {words}" if title else words


def _help(offer: Offer) -> str:
    keys = " or ".join(offer.keys)
    return f"{keys} · {offer.binding.tooltip}" if offer.binding.tooltip else keys
