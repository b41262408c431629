"""Actions that ask the daemon: they run beside the screen, are refused in a read-only dashboard, and fail with a
sentence.

class Queue(Pane):
    BINDINGS = [Binding("p", "pause", "pause", id="queue.pause")]

    @changes                                     # or @asks, when nothing is changed
    async def action_pause(self) -> None:
        await self.app.client.pause(self.chosen)  # a ClientError becomes a toast
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from textual.css.query import NoMatches
from textual.dom import DOMNode

from proto.channel import ClientError

P = ParamSpec("P")
Q = ParamSpec("Q")
N = TypeVar("N", bound=DOMNode)
READONLY = ClientError(
    "This dashboard is read-only.", "Open it without --readonly to change something.", "PERMISSION_DENIED"
)


def asks(action: Callable[Concatenate[N, P], Coroutine[Any, Any, None]]) -> Callable[Concatenate[N, P], None]:
    """Run the coroutine beside the screen; what goes wrong becomes a toast. It may wait for `app.confirm`."""

    def begin(self: N, /, *args: P.args, **kwargs: P.kwargs) -> None:
        beside(self, _shown, self, partial(action, self, *args, **kwargs))

    return begin


def changes(action: Callable[Concatenate[N, P], Coroutine[Any, Any, None]]) -> Callable[Concatenate[N, P], None]:
    """As `asks`, for what changes something: hidden and refused when the dashboard is read-only."""
    begin = asks(action)

    def unless_readonly(self: N, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if _app(self).readonly:
            _app(self).trouble(READONLY)
        else:
            begin(self, *args, **kwargs)

    unless_readonly.changes = True  # type: ignore[attr-defined]  # read by `Guarded`
    return unless_readonly


def beside(node: DOMNode, work: Callable[Q, Coroutine[Any, Any, None]], /, *args: Q.args, **kwargs: Q.kwargs) -> None:
    """Run `work(...)` beside the screen, until it ends or the node goes. It begins later: what is cancelled before is
    never made."""
    node.run_worker(partial(_while_there, partial(work, *args, **kwargs)))  # type: ignore[arg-type]  # a partial of a coroutine function is one


def instead(
    node: DOMNode, group: str, work: Callable[Q, Coroutine[Any, Any, None]], /, *args: Q.args, **kwargs: Q.kwargs
) -> None:
    """As `beside`, in place of what runs in the same group of the node: `node.workers.cancel_group(node, group)` ends
    it."""
    node.run_worker(partial(_while_there, partial(work, *args, **kwargs)), group=group, exclusive=True)  # type: ignore[arg-type]  # as above


async def _while_there(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await work()
    except NoMatches:
        return  # what it draws on is being taken down


class Guarded:
    """Mixin, before the Textual class: bindings whose action `changes` something are not offered in a read-only
    dashboard."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Textual asks this before it shows or runs a binding."""
        method = getattr(self, f"action_{action}", None)
        if getattr(method, "changes", False) and _app(self).readonly:
            return False
        allowed: bool | None = super().check_action(action, parameters)  # type: ignore[misc]  # of the DOMNode beside us
        return allowed


async def _shown(node: DOMNode, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await work()
    except ClientError as problem:
        _app(node).trouble(problem)
    except Exception as mistake:
        if os.environ.get("MYNA_DEBUG"):
            raise
        hint = "This is a bug in Myna. MYNA_DEBUG=1 shows where it is; please report it."
        _app(node).trouble(ClientError(f"{type(mistake).__name__}: {mistake}", hint, "INTERNAL"))


def _app(node: Any) -> Any:  # the Dashboard, which imports this module
    return node.app
