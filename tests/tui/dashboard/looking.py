"""Looks at the dashboard as a person does: opens it on the paper daemon, presses keys, reads what stands on the screen.

async with looking(home, size=(80, 24)) as viewer:
    await viewer.press("2")
    await viewer.sees("anna@7")
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual._context import visible_screen_stack
from textual.pilot import Pilot

from proto.channel import address
from tui.app import Dashboard
from tui.dashboard.settings import Settings

PATIENCE = 10.0  #: seconds something may take to be seen, on a busy machine
POLL_INTERVAL = 0.02  #: seconds between two looks


class Viewer:
    """A person before the dashboard."""

    def __init__(self, pilot: Pilot[None], app: Dashboard) -> None:
        self.pilot, self.app = pilot, app

    async def press(self, *keys: str) -> None:
        """Press keys, one after another, as Textual names them."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def text(self) -> str:
        """What stands on the screen, a line each, without colours."""
        visible_screen_stack.set(self.app._background_screens)  # what is seen through a dialog
        return "".join(strip.text.rstrip() + "\n" for strip in self.app.screen._compositor.render_strips())

    def contrast(self, word: str) -> float:
        """How far the word's colour lies from what it stands on, 0 to 1; of the sixteen colours 0.5 where it is dim."""
        for line in self.app.screen._compositor.render_strips():
            styles = [segment.style for segment in line for _ in segment.text]
            place = "".join(segment.text for segment in line).find(word)
            style = styles[place] if place >= 0 else None
            if style is not None and style.color is not None:
                if style.color.triplet is None or style.bgcolor is None or style.bgcolor.triplet is None:
                    return 0.5 if style.dim else 1.0
                ends = zip(style.color.triplet, style.bgcolor.triplet, strict=True)
                return max(abs(one - other) for one, other in ends) / 255
        raise AssertionError(f"no {word!r} on the screen\n{self.text()}")

    async def until(self, true: Callable[[], bool], what: str = "") -> None:
        """Wait until something is so; fails with the screen when it is not in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while not true():
            assert loop.time() < end, f"not within {PATIENCE:.0f} s: {what}\n{self.text()}"
            await self.pilot.pause(POLL_INTERVAL)

    async def sees(self, *words: str) -> str:
        """Wait until all these words stand on the screen; its text."""
        await self.until(lambda: all(word in self.text() for word in words), f"{words} on the screen")
        return self.text()

    async def sees_within_a_second(self, *words: str) -> None:
        """The words stand on the screen at most a second after now; a machine with more to do than it has cores takes
        as much longer."""
        began = time.monotonic()
        await self.sees(*words)
        allowed = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        assert time.monotonic() - began <= allowed, f"{words} came late"

    async def no_longer_sees(self, word: str) -> None:
        """Wait until the word is gone."""
        await self.until(lambda: word not in self.text(), f"no {word!r} on the screen")


@asynccontextmanager
async def looking(
    home: Path,
    size: tuple[int, int] = (80, 24),
    *,
    readonly: bool = False,
    settings: Settings | None = None,
    toasts: bool = False,
) -> AsyncIterator[Viewer]:
    """The dashboard on the daemon of `home`, connected. `toasts`: what is said and goes away by itself is seen, too."""
    app = Dashboard(address(home_folder=home), settings or Settings(theme="myna-dark"), readonly=readonly, start=False)
    async with app.run_test(size=size, notifications=toasts) as pilot:
        viewer = Viewer(pilot, app)
        await viewer.until(lambda: hasattr(app, "live") and app.live.link.up, "connected")
        await pilot.pause()
        yield viewer


def watch(
    home: Path,
    steps: Callable[[Viewer], Awaitable[None]],
    *,
    size: tuple[int, int] = (200, 50),
    readonly: bool = False,
    settings: Settings | None = None,
) -> None:
    """Open the dashboard and do the steps."""

    async def look() -> None:
        async with looking(home, size, readonly=readonly, settings=settings, toasts=True) as viewer:
            await steps(viewer)

    asyncio.run(look())
