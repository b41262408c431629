"""The house itself: what docs/architecture.md promises of the structure, apart from import-linter's contracts. Part of
`make check`."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

PACKAGES = ("proto", "daemon", "engines", "tui")


def test_no_module_imports_in_a_circle_not_even_for_types() -> None:
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False)
    try:
        TopologicalSorter(
            {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        ).prepare()
    except CycleError as circle:
        pytest.fail(" → ".join(circle.args[1]))
