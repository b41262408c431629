"""Man pages: each command has one, man(1) finds no fault in it, and it says what --help says."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
import typer

from tests.tui.conftest import Run
from tui import cli, man

pytestmark = pytest.mark.integration
needs_man = pytest.mark.skipif(shutil.which("man") is None, reason="there is no man(1) here")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    root = typer.main.get_command(cli.app(["--help"]))
    cli.without_types_of_flags(root)
    return man.pages(root, "1.2.3", date(2026, 11, 30))


def shown(page: str, folder: Path) -> str:
    """As a person sees it, without line breaks; and without a warning of man's."""
    (folder / "page").write_text(page)
    command = ["man", "--warnings=w", "--local-file", str(folder / "page")]
    seen = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    )
    assert (seen.returncode, seen.stderr) == (0, "")
    return " ".join(seen.stdout.split())


def test_every_command_has_a_page(pages: dict[str, str]) -> None:
    commands = {command for group in cli.COMMANDS.values() for command in group}
    assert set(pages) == {f"myna-{command}.1" for command in commands} | {"myna.1", "mynad.8"}


@needs_man
def test_man_shows_every_page_and_complains_of_none(pages: dict[str, str], tmp_path: Path) -> None:
    for name, page in pages.items():
        assert name.split(".")[0] in shown(page, tmp_path)


@needs_man
def test_a_page_says_what_the_help_says(pages: dict[str, str], tmp_path: Path) -> None:
    train = shown(pages["myna-train.1"], tmp_path)
    assert "Train a voice now. (Recordings that you add train by themselves.)" in train
    assert "--dataset NUMBER Dataset; 0: the newest." in train
    assert "myna people token [OPTIONS] {NAME}" in shown(pages["myna-people.1"], tmp_path)
    assert "folder for all state (else $MYNA_HOME)" in shown(pages["mynad.8"], tmp_path)


@needs_man
@pytest.mark.parametrize("text", ["-a --b", ".dot", "'quote' `tick`", "back\\slash", "it's \\fB not bold"])
def test_what_man_would_obey_is_shown(text: str, tmp_path: Path) -> None:
    assert text in shown(f'.TH "A" 1\n.SH NAME\n{man.escaped(text)}\n', tmp_path)


def test_pages_are_written_where_man_looks(myna: Run, tmp_path: Path, pages: dict[str, str]) -> None:
    ended = myna("man", "--to", tmp_path / "share")
    assert ended.code == 0, ended.err
    assert ended.out.startswith(f"{len(pages)} pages written")
    assert {file.name for file in (tmp_path / "share").glob("man[18]/*")} == set(pages)
    refused = myna("man", "tain")
    assert refused.code == 2
    assert "There is no command 'tain'." in refused.err
