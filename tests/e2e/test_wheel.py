"""Myna as `pipx install` brings it: from its wheel, outside a checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import soundfile

pytestmark = [pytest.mark.e2e, pytest.mark.long]

ROOT = Path(__file__).parents[2]
PACKAGES = ("proto", "sound", "daemon", "engines", "tui", "doors")
#: only whoever writes a migration needs it
LEFT_BEHIND = {"daemon/database/migrations/script.py.mako"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made of a copy: setuptools writes beside what it packs."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(made), str(source)], check=True, timeout=200)
    (file,) = made.glob("myna_voice-*.whl")
    return file


def test_it_holds_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    there = {
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert there - held == LEFT_BEHIND


def test_it_speaks_outside_a_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MYNA_", "XDG_"))}
    environment = {**kept, "PYTHONPATH": str(site), "XDG_STATE_HOME": str(tmp_path / "state")}

    def myna(*words: str) -> str:
        command = [sys.executable, "-P", "-m", "tui.cli", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = "import daemon, engines, json, tui; print(json.dumps([p.__path__[0] for p in (daemon, engines, tui)]))"
    found = subprocess.run(
        [sys.executable, "-P", "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert all(Path(path).parent == site for path in json.loads(found.stdout))
    myna("up")
    try:
        assert json.loads(myna("status", "--json"))["home"] == str(tmp_path / "state" / "myna")
        myna("voices", "new", "anna")
        myna("say", "Good evening.", "--voice", "anna@base", "-o", str(tmp_path / "out.wav"))
    finally:
        myna("down")
    assert soundfile.info(tmp_path / "out.wav").duration > 0.5
