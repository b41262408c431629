"""What `make bench-hostile` says: nothing that was lost goes unseen, and nothing that fell short is said to hold."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from benchmarks import run as bench
from benchmarks.made import hostile_entries as entries
from benchmarks.made.siege import Finding, Outcome, joined

pytestmark = pytest.mark.unit

CALM = Outcome("files", 300, 300, 0, 0, Finding(asked=9, slowest=0.1, memory=100_000_000), "9 taken, 2 refused")


def verdict(outcome: Outcome, capsys: pytest.CaptureFixture[str]) -> str:
    outcome.tell()
    row = bench.parse("hostile_inbox", capsys.readouterr().out.strip())
    assert row is not None, "the line is no bar"
    return row.verdict


@pytest.mark.parametrize(
    "change",
    [
        {"lost": 1}, {"crashed": 1}, {"faults": 1}, {"count": 299}, {"finding": Finding(slowest=0.3)},
        {"finding": Finding(unanswered=1)}, {"finding": Finding(memory=300_000_000)},
    ],
)  # fmt: skip
def test_a_line_holds_only_if_nothing_was_wrong(change: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(CALM, capsys) == "holds"
    assert verdict(dataclasses.replace(CALM, **change), capsys) == "falls short"  # type: ignore[arg-type]


def test_of_several_findings_the_worst_counts() -> None:
    assert joined([Finding(3, 1, 0, 0.1, 50), Finding(4, 0, 2, 0.2, 40)]) == Finding(7, 1, 2, 0.2, 50)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for folder in ("inbox/anna/.refused", "recordings/ab"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def dropped(home: Path, name: str) -> entries.Dropped:
    path = home / "inbox" / "anna" / name
    path.write_bytes(name.encode())
    return entries.Dropped("noise", bytes(path), path.lstat().st_ino, hashlib.sha256(name.encode()).hexdigest())


def test_what_is_in_the_inbox_or_refused_with_a_reason_or_taken_is_not_lost(home: Path) -> None:
    every = [dropped(home, name) for name in ("stays.wav", "refused.wav", "taken.wav")]
    refused = home / "inbox" / "anna" / ".refused"
    (home / "inbox" / "anna" / "refused.wav").rename(refused / "refused.2.wav")
    (refused / "refused.2.wav.why.txt").write_text("It is noise.")
    (home / "inbox" / "anna" / "taken.wav").unlink()
    (home / "recordings" / "ab" / f"{every[2].sha256}.wav").write_bytes(b"taken.wav")
    counts, lost = entries.fates(home, every)
    assert lost == []
    assert counts == {"left where it was": 1, "refused": 1, "taken": 1}


def test_what_is_nowhere_or_refused_without_a_reason_is_lost(home: Path) -> None:
    every = [dropped(home, name) for name in ("gone.wav", "refused.wav")]
    (home / "inbox" / "anna" / "gone.wav").unlink()
    (home / "inbox" / "anna" / "refused.wav").rename(home / "inbox" / "anna" / ".refused" / "refused.wav")
    assert entries.fates(home, every)[1] == every


def test_a_file_that_got_the_number_of_one_that_is_gone_does_not_stand_for_it(home: Path) -> None:
    gone = dropped(home, "other.wav")
    gone = dataclasses.replace(
        gone, path=bytes(home / "inbox" / "anna" / "gone.wav"), sha256=hashlib.sha256(b"gone").hexdigest()
    )
    assert entries.fates(home, [gone])[1] == [gone]


def test_the_same_seed_drops_the_same_kinds_under_the_same_names(tmp_path: Path) -> None:
    def names(home: str) -> list[tuple[str, bytes]]:
        inbox = tmp_path / home
        inbox.mkdir()
        made = entries.drop(inbox, 60, 3, without=("bomb", "sparse", "device", "socket"))
        return [(entry.kind, entry.path.removeprefix(bytes(inbox))) for entry in made]

    assert names("one") == names("two")
