"""Every binding that a node offers now, with the keys that the person chose: for help, palette, pane titles and
tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen


@dataclass(frozen=True)
class Offer:
    """One binding, all its keys together."""

    node: DOMNode  #: where its action runs
    binding: Binding
    keys: tuple[str, ...]  #: as shown: "c", "^p", "↑"

    @property
    def title(self) -> str:
        """What it does, in words."""
        return self.binding.description or self.binding.action


def offers(node: DOMNode) -> list[Offer]:
    """Bindings of this node itself that are allowed now, in the order they were written."""
    written = node._bindings  # Textual has no public way to a node's own
    bindings, app = written.copy(), node.app
    bindings.apply_keymap(app._keymap)
    order = {(binding.id, binding.action): place for place, (_, binding) in reversed(list(enumerate(written)))}
    keys: dict[tuple[str | None, str], list[str]] = {}
    found: dict[tuple[str | None, str], Binding] = {}
    for _, binding in bindings:
        if binding.system or node.check_action(binding.action.rpartition(".")[2].partition("(")[0], ()) is False:
            continue
        place = (binding.id, binding.action)
        found.setdefault(place, binding)
        keys.setdefault(place, []).append(app.get_key_display(binding))
    return [
        Offer(node, binding, tuple(keys[place]))
        for place, binding in sorted(found.items(), key=lambda item: order[item[0]])
    ]


def offered(screen: Screen[object]) -> Iterator[Offer]:
    """All that a screen and everything on it offers, the app's last."""
    for node in (*screen.walk_children(), screen, screen.app):
        yield from offers(node)


def chain(screen: Screen[object]) -> list[DOMNode]:
    """The nodes whose keys work now: from the focused widget up to the app."""
    if screen.focused is None:
        return [screen, screen.app]
    return [*screen.focused.ancestors_with_self]
