"""The person's own keys, checked: an id that no binding has, or a key that is no key, is said before the dashboard
opens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules

from textual.binding import Binding
from textual.dom import DOMNode

import tui.dialogs
import tui.screens
import tui.widgets
from proto.channel import ClientError


def checked(wanted: dict[str, str], *more: type[DOMNode]) -> dict[str, str]:
    """The keymap as it came. Raises ClientError for an id that no binding has."""
    known = {binding.id for node in (*classes(), *more) for binding in own(node)} - {None}
    for name in wanted:
        if name not in known:
            near = get_close_matches(name, [i for i in known if i], 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise ClientError(
                f"The keymap names {name!r}, which no key has.",
                f"{hint}`?` in the dashboard shows them.",
                "INVALID_ARGUMENT",
            )
    return wanted


def classes() -> Iterator[type[DOMNode]]:
    """Every screen and widget of ours."""
    for package in (tui.screens, tui.dialogs, tui.widgets):
        for found in iter_modules(package.__path__):
            module = import_module(f"{package.__name__}.{found.name}")
            for thing in vars(module).values():
                if isinstance(thing, type) and issubclass(thing, DOMNode) and thing.__module__ == module.__name__:
                    yield thing


def own(node: type[DOMNode]) -> Iterable[Binding]:
    """The bindings that a class writes down itself."""
    return Binding.make_bindings(node.__dict__.get("BINDINGS", []))
