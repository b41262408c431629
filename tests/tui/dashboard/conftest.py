"""A home whose name is as long in every run, the paper daemon in it, and a clock that stands still."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from tests.tui.stage.rows import NOW
from tests.tui.stage.server import Stage
from tui import wording


@pytest.fixture(scope="session", autouse=True)
def style_sheets_parsed_once() -> Iterator[None]:
    """Textual parses all style sheets for each app and each of its screens: a fifth of these tests' time."""
    parse, known = Stylesheet._parse_rules, dict[tuple[object, ...], list[RuleSet]]()

    def parsed(self: Stylesheet, *given: object, **named: object) -> list[RuleSet]:
        key = (*given, *sorted(named.items()), tuple(self._variables.items()))
        if key not in known:
            known[key] = parse(self, *given, **named)  # type: ignore[arg-type]
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parsed)
        yield


@pytest.fixture
def home() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="myna-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def stage(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(wording, "clock", lambda: NOW.seconds + 600.0)
    monkeypatch.setattr(
        wording, "moment", lambda stamp: stamp.ToDatetime().strftime("%H:%M:%S") if stamp.seconds else ""
    )
    made = Stage(home)
    made.open()
    yield made
    made.close()
