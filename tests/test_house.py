"""The house itself: what docs/architecture.md promises of the structure, apart from import-linter's contracts. Part of
`make check`."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

PACKAGES = ("proto", "sound", "daemon", "engines", "tui", "doors")
ROOT = Path(__file__).parents[1]
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
GENERATED = ("_pb2.py", "_pb2_grpc.py", "client_sync.py")
#: files that are longer, and why
LONG_FILES = {
    "proto/client_async.py": "one class, one wire: a method for each call",
}
#: functions that are longer, and why
LONG_FUNCTIONS = {
    ("daemon/database/migrations/versions/0001_first_schema.py", "upgrade"): "a schema, table by table",
}


def test_no_module_imports_in_a_circle_not_even_for_types() -> None:
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False)
    try:
        TopologicalSorter(
            {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        ).prepare()
    except CycleError as circle:
        pytest.fail(" → ".join(circle.args[1]))


def sources() -> list[Path]:
    """Python files that a person wrote, relative to the root of the repository."""
    places = (*PACKAGES, "benchmarks", "demo", "tests")
    found = (path.relative_to(ROOT) for place in places for path in (ROOT / place).rglob("*.py"))
    return sorted(path for path in found if not path.name.endswith(GENERATED))


def test_no_file_is_too_long() -> None:
    lengths = {str(path): len((ROOT / path).read_text("utf-8").splitlines()) for path in sources()}
    long = {path for path, length in lengths.items() if length > LONGEST_FILE}
    assert long - LONG_FILES.keys() == set(), f"split them: more than {LONGEST_FILE} lines"
    assert LONG_FILES.keys() - long == set(), "no exception is needed any more"


def test_no_function_is_too_long() -> None:
    long = {
        (str(path), node.name)
        for path in sources()
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    }
    assert long - LONG_FUNCTIONS.keys() == set(), f"split them: more than {LONGEST_FUNCTION} lines"
    assert LONG_FUNCTIONS.keys() - long == set(), "no exception is needed any more"
