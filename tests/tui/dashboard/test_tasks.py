"""What people come for, done with the keys of docs/dashboard-tasks.md on each size of terminal, reading only what is
seen there."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tui.dashboard.looking import looking
from tests.tui.dashboard.scenes import set_scene
from tests.tui.paper_card import Card
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration
TABLE = Path(__file__).parents[3] / "docs" / "dashboard-tasks.md"
BEGIN, END = "<!-- begin: tests/tui/dashboard/test_tasks.py -->\n", "<!-- end -->\n"
SIZES = ((80, 24), (100, 30), (200, 50))
NAMED = {"Tab": "tab", "Enter": "enter", "Esc": "escape", "Left": "left"}  #: keys as the table writes them
TYPED = "TEXT"  #: stands in the table for what is typed
NEW = "not there"  #: stands in the table for the keys of what could not be done before
HEARD = "0.8 of 0.8 s"

Step = tuple[str, str]  #: keys with blanks between, and words that stand on the screen after them


@dataclass(frozen=True)
class Task:
    """Something that a person wants, from the screen Now with the cursor on the training that runs."""

    what: str
    steps: tuple[Step, ...]
    small: str = ""  #: keys that it takes besides, first, on all but the largest terminal
    before: str | None = None  #: keys that it took on 80×24 before there was a layout for it, where they were others

    def keys(self, place: int) -> str:
        """All keys, on one of SIZES."""
        first = self.small if place < len(SIZES) - 1 else ""
        return " ".join(filter(None, (first, *(keys for keys, _ in self.steps))))

    @property
    def row(self) -> str:
        """Its line of the table."""
        before = self.keys(0) if self.before is None else self.before
        cells = [
            keys if keys == NEW else f"`{keys}`" if keys else "none"
            for keys in (before, *map(self.keys, range(len(SIZES))))
        ]
        return f"| {self.what} | {' | '.join(cells)} |\n"


TASKS = (
    Task("start a training", (("t", "about 52 min"), ("ctrl+t", "Queued as #900"))),
    Task("watch it", (("", "1,200 of 4,000 steps"), ("", "21 min left"), ("", "held out"))),
    Task("understand why a file was refused", (("", "It is no audio file."),), small="Tab Tab Tab z"),
    Task("fix a text", (("4", "Clips anna"), ("e", "What is said"), (f"{TYPED} Enter", "transcript: edited by hand"))),
    Task(
        "review what may be wrong",
        (
            ("4", "Clips anna"),
            ("r", "4 left to review"),
            ("a", "3 left to review"),
            (f"e {TYPED} Enter", "2 left to review"),
            ("d", "1 left to review"),
        ),
        before=NEW,
    ),
    Task("train again, as run 12 was", (("6", "Runs 3"), ("e", "Repeat run #12"), ("ctrl+t", "Queued as #900"))),
    Task("compare blind", (("3", "anna@7"), ("n", "0.5 of 0.5 s"), ("v", "Better"), ("Left Enter", "all blind"))),
    Task(
        "promote a version",
        (("2", "anna@6 beside @5"), ("j p", "Make anna@7 the active version"), ("y", "anna@7 is the active version")),
    ),
    Task(
        "undo that",
        (("2", "anna@6 beside @5"), ("b", "Make the version before"), ("y", "is the active version of anna now")),
    ),
    Task(
        "free disk",
        (("2", "anna@6 beside @5"), ("k P", "Purge anna@5 and free 280 MB?"), ("y", "280 MB are free now")),
        before=NEW,
    ),
    Task("see why a job waits", (("", "GPU held by train #12"), ("", "in ~21 min")), before="j j j Enter"),
    Task(
        "save a sample",
        (("5", "Type what to say"), (f"{TYPED} Enter", HEARD), ("Esc w", "Save the sound"), ("Enter", "saved.")),
        before=f"5 t {TYPED} Enter Esc w Enter",
    ),
)


@pytest.mark.parametrize(
    "place",
    [0, *(pytest.param(larger, marks=pytest.mark.long) for larger in (1, 2))],
    ids=[f"{width}x{height}" for width, height in SIZES],
)
@pytest.mark.parametrize("task", TASKS, ids=[each.what for each in TASKS])
def test_a_task_is_done_with_these_keys_on_every_terminal(
    stage: Stage, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: Task, place: int
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", Card(by_itself=True))
    monkeypatch.chdir(tmp_path)  # where a sample is saved
    set_scene(stage, "busy")

    async def do() -> None:
        async with looking(home, SIZES[place], toasts=True) as viewer:
            await viewer.sees("train anna")
            first = [(task.small, "")] if place < len(SIZES) - 1 else []
            for keys, words in (*first, *task.steps):
                for key in keys.split():
                    await viewer.press(*("H", "i") if key == TYPED else (NAMED.get(key, key),))
                await viewer.sees(words)

    asyncio.run(asyncio.wait_for(do(), 60))


def test_the_table_in_the_docs_has_these_keys() -> None:
    """`MYNA_DRAW=1` writes it."""
    head = "| | before, 80×24 | 80×24 | 100×30 | 200×50 |\n|---|---|---|---|---|\n"
    wanted = BEGIN + head + "".join(task.row for task in TASKS) + END
    told = TABLE.read_text("utf-8")
    written = told[: told.index(BEGIN)] + wanted + told[told.index(END) + len(END) :]
    if os.environ.get("MYNA_DRAW"):
        TABLE.write_text(written, "utf-8")
        return
    assert told == written
