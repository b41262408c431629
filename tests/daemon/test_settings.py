"""Settings: defaults, the file, the environment, and what a person reads when one is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.errors import BadRequest
from daemon.settings import Settings, load


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "myna.toml").write_text("settle = 5\nauto_train = false\n")
    monkeypatch.setenv("MYNA_SETTLE", "0.5")
    settings = load(tmp_path)
    assert (settings.settle, settings.auto_train) == (0.5, False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("settle = 'soon'", ["myna.toml", "settle", "soon"]),
        ("setle = 2", ["myna.toml", "setle", "no daemon setting"]),
        ("settle = ", ["myna.toml", "not valid TOML"]),
        ("settle = -1", ["settle", "-1", "from 0.001 to 86,400"]),
    ],
)
def test_a_wrong_setting_names_the_file_and_the_key(tmp_path: Path, content: str, words: list[str]) -> None:
    (tmp_path / "myna.toml").write_text(content)
    with pytest.raises(BadRequest) as caught:
        load(tmp_path)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_wrong_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_CPU_JOBS", "many")
    with pytest.raises(BadRequest, match="MYNA_CPU_JOBS"):
        load(tmp_path)
