"""One term for one thing: what no string of the dashboard or the command line may say, and what is said."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.conftest import ROOT

pytestmark = pytest.mark.unit

#: what was said → what is said
INSTEAD = {
    r"\bhow it is\b": "status",
    r"\btext by\b": "transcript: supplied, edited by hand",
    r"\boverdriven\b": "clipping",
    r"\b(M|m)end (that|it|or)\b": "Fix",
    r"\}'? is no \w": "is not a …",
    r"\bspeaks? .*from now on\b": "the active version",
    r"\bno number\b": "not a number",
    r"· Esc leaves\b|\bLeave \(esc\)": "Cancel",
    r"\blarge as the screen\b": "Maximise",
    r"\bv\{": "anna@7",
    r"\blikeness\b": "speaker similarity",
}


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every string of a module but its docstrings; what is put into one stands as {}."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        if node in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            skipped.update(part for part in ast.walk(node) if part is not node)
            yield node.lineno, "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_the_daemon_names_a_version_as_people_write_it() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted((ROOT / "daemon").rglob("*.py"))
        for line, text in strings(path)
        if re.search(r"\bv\{", text)
    ]
    assert not found, "say 'anna@7' instead"


@pytest.mark.parametrize("was", INSTEAD)
def test_one_thing_has_one_name(was: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted((ROOT / "tui").rglob("*.py"))
        for line, text in strings(path)
        if re.search(was, text)
    ]
    assert not found, f"say {INSTEAD[was]!r} instead"
