"""What can be done on the other screens, which may not have been made yet; and going there to do it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from textual.binding import Binding, BindingsMap
from textual.screen import Screen
from textual.widget import Widget

from tui.dashboard.host import Host
from tui.dashboard.places import PLACES, Place
from tui.screens.base import WorkshopScreen
from tui.widgets.pane import Pane

PATIENCE = 5.0  #: seconds that a screen gets to show what the daemon has for it
OURS = ("tui.screens.", "tui.widgets.")


@dataclass(frozen=True)
class Distant:
    """A binding of another screen."""

    place: Place
    node: type[Widget]  #: whose binding it is
    binding: Binding
    keys: tuple[str, ...]  #: as shown


def elsewhere(app: Host) -> Iterator[Distant]:
    """The bindings of all screens but the one that is looked at, as far as they may be used, with the person's keys."""
    for place in PLACES:
        if place.name == app.current_mode:
            continue
        for node in nodes(place):
            yield from _bindings(app, place, node)


def nodes(place: Place) -> list[type[Widget]]:
    """The screen, its panes, and the tables and charts in them that have keys of their own."""
    module = import_module(f"tui.screens.{place.name}")
    found: dict[type[Widget], None] = {}
    _collect(module, found, set())
    screens: list[type[Widget]] = [
        node for node in found if issubclass(node, WorkshopScreen) and node.place == place.name
    ]
    titled = [node for node in found if issubclass(node, Pane) or "pane_title" in vars(node)]
    lists = [node for node in found if _is_own_kind(node)]
    return [*screens, *dict.fromkeys(titled + lists)]


async def do(app: Host, distant: Distant) -> None:
    """Go to the screen, wait until it shows what there is, put the focus where the key would work, and press it."""
    app.action_go(distant.place.name)
    screen = app.screen
    if not isinstance(screen, WorkshopScreen):
        return
    try:
        async with asyncio.timeout(PATIENCE):
            await screen.drawn.wait()
            node: Widget = screen if isinstance(screen, distant.node) else screen.query(distant.node).first()
            asked = [worker for worker in app.workers if worker.node is node and not worker.is_finished]
            await asyncio.gather(*(worker.wait() for worker in asked), return_exceptions=True)
    except TimeoutError:
        pass  # what is there is there; the action says what it misses
    node = screen if isinstance(screen, distant.node) else screen.query(distant.node).first()
    inside = [widget for widget in screen.focus_chain if node in widget.ancestors_with_self]
    if inside and node is not screen and screen.focused not in inside:
        screen.set_focus(inside[0])
    await app.run_action(distant.binding.action, node)


def _bindings(app: Host, place: Place, node: type[Widget]) -> Iterator[Distant]:
    written = Binding.make_bindings(node.__dict__.get("BINDINGS", []))
    bindings = BindingsMap(written)
    bindings.apply_keymap(app._keymap)
    keys: dict[tuple[str | None, str], list[str]] = {}
    found: dict[tuple[str | None, str], Binding] = {}
    for _, binding in bindings:
        action = getattr(node, f"action_{binding.action.partition('(')[0]}", None)
        if not binding.id or (app.readonly and getattr(action, "changes", False)):
            continue
        found.setdefault((binding.id, binding.action), binding)
        keys.setdefault((binding.id, binding.action), []).append(app.get_key_display(binding))
    for what, binding in found.items():
        yield Distant(place, node, binding, tuple(keys[what]))


def _collect(module: ModuleType, found: dict[type[Widget], None], seen: set[str]) -> None:
    """Classes of ours that a screen's module has or imports, and so on in the modules of those."""
    if module.__name__ in seen:
        return
    seen.add(module.__name__)
    for thing in list(vars(module).values()):
        if isinstance(thing, type) and issubclass(thing, Widget) and thing.__module__.startswith(OURS):
            found.setdefault(thing)
            _collect(import_module(thing.__module__), found, seen)


def _is_own_kind(node: type[Widget]) -> bool:
    """A table or a box of one screen alone, with more keys than those of moving about in it."""
    return (
        bool(node.__dict__.get("BINDINGS"))
        and any("BINDINGS" in base.__dict__ and base.__module__.startswith(OURS) for base in node.__mro__[1:])
        and not issubclass(node, Screen)
    )
