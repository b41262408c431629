"""docs/configuration.md says what is declared."""

from __future__ import annotations

import pytest

from daemon.configuration import PAGE, TABLES, written
from engines.setting import number

pytestmark = pytest.mark.unit


def test_the_tables_of_settings_are_those_declared() -> None:
    page = PAGE.read_text("utf-8")
    assert written(page) == page, "run `python -m daemon.configuration --write`"


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_setting_has_a_line_with_its_bounds(name: str) -> None:
    table = PAGE.read_text("utf-8").split(f"<!-- settings: {name} -->")[1].split("<!-- end -->")[0]
    lines = {line.split("|")[1].strip(): line for line in table.splitlines() if line.startswith("| `")}
    assert list(lines) == [f"`{one}`" for one in TABLES[name]]
    for key, setting in TABLES[name].items():
        bounds = (
            [number(setting.least), number(setting.most)] if setting.kind in (int, float) else list(setting.choices)
        )
        assert all(bound in lines[f"`{key}`"] for bound in bounds)
        assert setting.kind not in (int, float) or setting.least < setting.most < 1e300, "a number has bounds"


def test_a_table_that_went_astray_is_seen() -> None:
    page = PAGE.read_text("utf-8")
    assert written(page.replace("a whole number from 1 to 10,000,000", "any number")) == page
