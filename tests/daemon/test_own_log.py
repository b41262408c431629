"""mynad's log: for people, for programs, for systemd's journal."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon import own_log

pytestmark = pytest.mark.unit

SAID = """
import logging, sys
from pathlib import Path
from daemon import own_log

own_log.log_to(Path(sys.argv[1]), sys.argv[2])
log = logging.getLogger("mynad")
things = ["first"]
log.info("%s of %d\\nlines", things, 2)
things.append("changed after it was said")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("It failed.")
"""


def said(home: Path, form: str, journal: bool = False) -> tuple[list[str], list[str]]:
    """What a program logs into the file, and what into stderr."""
    with open(home.with_suffix(".err"), "wb") as stderr:
        facts = os.fstat(stderr.fileno())
        environment = {**os.environ, "JOURNAL_STREAM": f"{facts.st_dev}:{facts.st_ino if journal else 0}"}
        command = [sys.executable, "-c", SAID, str(home), form]
        subprocess.run(command, check=True, stderr=stderr, env=environment, timeout=60)
    return (home / "log" / "mynad.log").read_text().splitlines(), home.with_suffix(".err").read_text().splitlines()


def test_people_read_lines_with_a_time_and_a_level(tmp_path: Path) -> None:
    file, stderr = said(tmp_path / "home", "text")
    assert file == stderr
    assert " INFO mynad: ['first'] of 2" in file[0]
    assert file[-1].startswith("ZeroDivisionError")


def test_programs_read_an_object_a_line(tmp_path: Path) -> None:
    file, stderr = said(tmp_path / "home", "json")
    assert file == stderr
    first, second = map(json.loads, file)
    assert first | {"time": ""} == {"time": "", "level": "info", "logger": "mynad", "message": "['first'] of 2\nlines"}
    assert second["message"] == "It failed."
    assert second["exception"].splitlines()[-1].startswith("ZeroDivisionError")


def test_the_journal_is_told_the_level_of_each_line_and_no_time(tmp_path: Path) -> None:
    file, stderr = said(tmp_path / "home", "text", journal=True)
    assert " INFO mynad: " in file[0]
    assert stderr[:3] == ["<6>mynad: ['first'] of 2", "<6>lines", "<3>mynad: It failed."]
    assert all(line.startswith("<3>") for line in stderr[2:])


def test_only_the_stream_that_systemd_names_is_the_journal(tmp_path: Path) -> None:
    with open(tmp_path / "file", "w") as stream:
        assert not own_log.in_journal(stream, {})
        assert not own_log.in_journal(stream, {"JOURNAL_STREAM": "1:2"})
        facts = os.fstat(stream.fileno())
        assert own_log.in_journal(stream, {"JOURNAL_STREAM": f"{facts.st_dev}:{facts.st_ino}"})


def test_an_empty_message_is_a_line_all_the_same() -> None:
    record = logging.LogRecord("mynad", logging.WARNING, "", 0, "", (), None)
    assert own_log.JournalLines(logging.Formatter("%(message)s")).format(record) == "<4>"
