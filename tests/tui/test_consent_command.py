"""`myna voices consent`, `myna voices show`, and the question of `myna add`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.tui.conftest import Run, clean_environment
from tests.tui.stage.server import Stage
from tests.tui.terminal import Terminal

pytestmark = pytest.mark.integration

NOTE = "Anna Berg, with her written consent"


def test_a_note_is_written_and_shown(myna: Run, stage: Stage) -> None:
    empty = myna("voices", "consent", "anna")
    assert (empty.code, "Nobody wrote whose voice it is" in empty.out) == (0, True)
    written = myna("voices", "consent", "anna", NOTE)
    assert written.code == 0, written.err
    assert f"anna has its consent note: “{NOTE}” (ed, " in written.out
    assert NOTE in myna("voices", "consent", "anna").out
    assert json.loads(myna("voices", "consent", "anna", "--json").out)["notes"][0]["text"] == NOTE


def test_one_voice_is_shown_with_its_note(myna: Run, stage: Stage) -> None:
    assert "no note: myna voices consent anna" in myna("voices", "show", "anna").out
    stage.voices.rows[0].consent.text = NOTE
    shown = myna("voices", "show", "anna")
    assert (shown.code, NOTE in shown.out, "anna@7" in shown.out) == (0, True, True)


def test_scripts_give_a_note_with_the_recordings_and_are_never_asked(myna: Run, stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("a")
    assert myna("add", "bert", tmp_path / "a.wav").code == 0
    assert stage.voices.notes == []
    assert myna("add", "bert", tmp_path / "a.wav", "--consent", NOTE).code == 0
    assert [(note.voice, note.text) for note in stage.voices.notes] == [("bert", NOTE)]


def test_a_note_needs_a_daemon_and_nothing_is_copied_without_one(myna: Run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("a")
    ended = myna("add", "bert", tmp_path / "a.wav", "--consent", NOTE)
    assert ended.code == 1
    assert "so nobody keeps the consent note" in ended.err
    assert not (home / "inbox").exists()


def test_a_new_voice_can_have_its_note_at_once(myna: Run, stage: Stage) -> None:
    assert myna("voices", "new", "cleo", "--consent", NOTE).code == 0
    assert stage.voices.rows[-1].consent.text == NOTE


def test_who_adds_a_new_voice_at_a_terminal_is_asked_once(home: Path, stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("a")
    command = (sys.executable, "-m", "tui.cli", "add", "bert", str(tmp_path / "a.wav"))
    first = Terminal(command, clean_environment(home))
    first.until("may you use it")
    first.type(f"{NOTE}\r")
    first.until("in the inbox of bert")
    assert first.ended() == 0
    assert [(note.voice, note.text) for note in stage.voices.notes] == [("bert", NOTE)]
    second = Terminal(command, clean_environment(home))
    second.until("in the inbox of bert")
    assert second.ended() == 0
    assert "may you use it" not in second.shown
