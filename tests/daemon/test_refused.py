"""Refusing: one file, one reason, whenever the process dies; and no link leads anywhere."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.inbox import refusals
from daemon.inbox.folder import InboxFolder

pytestmark = pytest.mark.integration

#: Dies at the call with that number: before it, or right after it.
KILLED = """
import os, sys
from pathlib import Path
from daemon.inbox import refusals
from daemon.inbox.folder import InboxFolder
home, at, after = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "after"
count = 0
def deadly(call):
    def called(*arguments, **more):
        global count
        count += 1
        if count == at and not after:
            os._exit(9)
        number = count
        try:
            return call(*arguments, **more)
        finally:
            if number == at:
                os._exit(9)
    return called
for name in ("open", "mkdir", "stat", "ftruncate", "pwrite", "fsync", "rename", "close", "access", "unlink"):
    setattr(os, name, deadly(getattr(os, name)))
refusals.refuse(InboxFolder(home, "anna"), b"sub/a.wav", "It is no sound.", "Export it again.", lambda: None)
"""


def dropped(home: Path, name: str = "sub/a.wav", content: str = "one") -> InboxFolder:
    path = home / "inbox" / "anna" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return InboxFolder(home, "anna")


def lies(home: Path) -> dict[str, str]:
    """What is in `.refused`."""
    return {path.name: path.read_text() for path in (home / "inbox" / "anna" / ".refused").iterdir()}


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_refusal_that_is_killed_at_any_call_leaves_one_file_with_one_reason(tmp_path: Path, when: str) -> None:
    root = str(Path(__file__).parents[2])
    for at in range(1, 60):
        home = tmp_path / str(at)
        place = dropped(home)
        command = [sys.executable, "-c", KILLED, str(home), str(at), when]
        code = subprocess.run(command, env={**os.environ, "PYTHONPATH": root}, timeout=60).returncode
        if (home / "inbox" / "anna" / "sub" / "a.wav").exists():
            assert code == 9
            refusals.refuse(place, b"sub/a.wav", "It is no sound.", "Export it again.")
        assert lies(home) == {"a.wav": "one", "a.wav.why.txt": "a.wav\nIt is no sound.\nExport it again.\n"}, (at, code)
        if code == 0:
            break
    assert code == 0, "the last one was not killed"
    assert at > 20


def test_a_reason_that_lost_its_file_is_used_again_and_another_files_is_not(tmp_path: Path) -> None:
    place = dropped(tmp_path)
    folder = tmp_path / "inbox" / "anna" / ".refused"
    folder.mkdir()
    (folder / "a.wav.why.txt").write_text("a.wav\nIt is damaged.\n")
    refusals.refuse(place, b"sub/a.wav", "No.")
    assert lies(tmp_path) == {"a.wav": "one", "a.wav.why.txt": "a.wav\nNo.\n"}
    (folder / "a.wav").unlink()
    (folder / "a.wav.why.txt").write_text("Notes of mine.\n")
    refusals.refuse(dropped(tmp_path), b"sub/a.wav", "No.")
    assert lies(tmp_path) == {"a.wav.why.txt": "Notes of mine.\n", "a.2.wav": "one", "a.2.wav.why.txt": "a.wav\nNo.\n"}


def test_a_refused_file_that_is_named_like_a_reason_is_never_written_over(tmp_path: Path) -> None:
    place = dropped(tmp_path, "a.wav.why.txt", "a.wav\nmine")
    refusals.refuse(place, b"a.wav.why.txt", "No.")
    dropped(tmp_path, "a.wav")
    refusals.refuse(place, b"a.wav", "No.")
    found = lies(tmp_path)
    assert found["a.wav.why.txt"] == "a.wav\nmine"
    assert found["a.2.wav"] == "one"


def test_the_reason_of_a_voice_toml_that_stays_is_not_taken_for_another(tmp_path: Path) -> None:
    place = dropped(tmp_path, "sub/voice.toml")
    refusals.explain(place, b"voice.toml", "It is wrong.")
    refusals.refuse(place, b"sub/voice.toml", "No sound.")
    assert lies(tmp_path)["voice.toml.why.txt"] == "voice.toml\nIt is wrong.\n"
    assert lies(tmp_path)["voice.2.toml"] == "one"
    refusals.settle(place, b"voice.toml")
    assert set(lies(tmp_path)) == {"voice.2.toml", "voice.2.toml.why.txt"}


def test_many_that_refuse_files_of_one_name_at_once_give_each_its_reason(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from daemon.inbox import refusals
from daemon.inbox.folder import InboxFolder
sys.stdin.readline()
for number in range(40):
    name = b"%s-%d/a.wav" % (sys.argv[2].encode(), number)
    refusals.refuse(InboxFolder(Path(sys.argv[1]), "anna"), name, sys.argv[2])
"""
    for who in "abcd":
        for number in range(40):
            dropped(tmp_path, f"{who}-{number}/a.wav", who)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", code, str(tmp_path)]
    running = [subprocess.Popen([*command, who], env=environment, stdin=subprocess.PIPE) for who in "abcd"]
    for process in running:
        process.communicate(b"go\n", timeout=60)
        assert process.returncode == 0
    found = lies(tmp_path)
    files = {name: content for name, content in found.items() if not name.endswith(".why.txt")}
    assert len(files) == 160
    assert len(found) == 320
    assert all(found[f"{name}.why.txt"] == f"a.wav\n{content}\n" for name, content in files.items())


# ---------------------------------------------------------------------------------------------------------------- links


def reason_is_a_link(home: Path, outside: Path) -> None:
    (home / "inbox" / "anna" / ".refused").mkdir()
    for name in ("voice.toml.why.txt", "a.wav.why.txt", "a.wav.why.txt.why.txt"):
        (home / "inbox" / "anna" / ".refused" / name).symlink_to(outside / "kept.txt")


def reason_is_a_link_to_nothing(home: Path, outside: Path) -> None:
    (home / "inbox" / "anna" / ".refused").mkdir()
    for name in ("voice.toml.why.txt", "a.wav.why.txt", "a.wav"):
        (home / "inbox" / "anna" / ".refused" / name).symlink_to(outside / "new.txt")


def folder_is_a_link(home: Path, outside: Path) -> None:
    (home / "inbox" / "anna" / ".refused").symlink_to(outside)


def folder_is_a_file(home: Path, outside: Path) -> None:
    (home / "inbox" / "anna" / ".refused").write_text("x")


def way_is_a_link(home: Path, outside: Path) -> None:
    (home / "inbox" / "anna" / "sub" / "a.wav").unlink()
    (home / "inbox" / "anna" / "sub").rmdir()
    (home / "inbox" / "anna" / "sub").symlink_to(outside)


def voice_is_a_link(home: Path, outside: Path) -> None:
    (home / "inbox" / "anna").rename(home / "elsewhere")
    (home / "inbox" / "anna").symlink_to(outside)


TRAPS = [
    reason_is_a_link,
    reason_is_a_link_to_nothing,
    folder_is_a_link,
    folder_is_a_file,
    way_is_a_link,
    voice_is_a_link,
]


@pytest.mark.parametrize("trap", TRAPS)
def test_no_link_leads_a_refusal_or_its_reason_out_of_the_inbox(
    tmp_path: Path, trap: Callable[[Path, Path], None]
) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("mine")
    (outside / "a.wav").write_text("mine")
    place = dropped(home)
    trap(home, outside)
    for act in (
        lambda: refusals.refuse(place, b"sub/a.wav", "No."),
        lambda: refusals.explain(place, b"voice.toml", "No."),
        lambda: refusals.settle(place, b"voice.toml"),
        lambda: place.unlink(b"sub/a.wav"),
    ):
        with contextlib.suppress(OSError):
            act()
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"kept.txt": "mine", "a.wav": "mine"}
