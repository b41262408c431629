"""`myna export`, `import` and `datasets merge`: what is asked of the daemon, what is written, what is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tui.conftest import Run
from tests.tui.stage.server import Stage


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (["--dataset", 4], ("anna", 4, "", False, False)),
        (["--dataset", 0, "--features"], ("anna", 0, "", True, False)),
        (["--features"], ("anna", 0, "", True, False)),
        (["--format", "ljspeech"], ("anna", 0, "ljspeech", False, False)),
        (["--format", "myna", "--keep"], ("anna", 0, "myna", False, True)),
    ],
)
def test_a_dataset_is_exported_where_one_is_meant(
    myna: Run, stage: Stage, tmp_path: Path, options: list[object], asked: tuple[object, ...]
) -> None:
    out = tmp_path / "anna.myna.tar.zst"
    ended = myna("export", "anna", *options, "-o", out, "--json")
    assert json.loads(ended.out) == {"file": str(out), "size": 7}
    assert out.read_bytes() == b"package"
    (request,) = stage.datasets.exported
    assert (request.voice, request.number, request.format, request.features, request.keep) == asked


def test_a_version_has_no_dataset_to_export(myna: Run, stage: Stage, tmp_path: Path) -> None:
    ended = myna("export", "anna@7", "--dataset", 4, "-o", tmp_path / "a.tar")
    assert ended.code == 2
    assert "anna@7 is a version" in ended.err
    assert not list(tmp_path.glob("a*"))


def test_a_version_is_exported_as_a_package_where_one_is_named(myna: Run, stage: Stage, tmp_path: Path) -> None:
    out = tmp_path / "anna-7.myna.tar.zst"
    myna("export", "anna@7", "--format", "myna", "-o", out)
    assert stage.datasets.exported == []
    (request,) = stage.voices.exported
    assert (request.voice, request.version, request.format) == ("anna", 7, "myna")


def test_a_package_is_sent_to_the_voice_that_was_named(myna: Run, stage: Stage, tmp_path: Path) -> None:
    package = tmp_path / "robin.myna.tar.zst"
    package.write_bytes(b"x" * 700_000)
    assert myna("import", package, "--voice", "wren").out == "wren: Dataset #1: 4 clips to train on.\n"
    assert stage.datasets.imported == {"wren": b"x" * 700_000}
    assert json.loads(myna("import", package, "--json").out)["voice"] == "robin"


def test_a_file_that_is_not_there_is_wrong_usage(myna: Run, stage: Stage, tmp_path: Path) -> None:
    assert myna("import", tmp_path / "none.myna.tar.zst").code == 2


def test_a_merge_tells_what_came_from_whom(myna: Run, stage: Stage) -> None:
    told = myna("datasets", "merge", "anna", "bert", "--into", "both").out.splitlines()
    assert told[1].split() == ["anna", "#2", "3", "0", "8", "1", "0"]
    assert told[2].split() == ["bert", "#2", "3", "0", "8", "1", "0"]
    assert told[3] == "both: Dataset #1: 16 clips to train on."
    merged = json.loads(myna("datasets", "merge", "anna", "--into", "both", "--json").out)
    assert merged["sources"][0]["clips"] == 8
    assert myna("datasets", "merge", "anna").code == 2


def test_a_voices_datasets_are_listed_with_and_without_the_word(myna: Run, stage: Stage) -> None:
    assert myna("datasets", "anna").out == myna("datasets", "list", "anna").out != ""
    assert json.loads(myna("datasets", "anna", "--json").out) == json.loads(myna("datasets", "--json", "anna").out)


def test_the_shell_completes_voices_and_verbs_of_datasets(myna: Run, stage: Stage) -> None:
    def offered(line: str) -> set[str]:
        words = line.split(" ")
        ended = myna(_MYNA_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
        return set(ended.out.split())

    assert offered("myna datasets ") >= {"anna", "merge"}
    assert offered("myna datasets an") == {"anna"}
    assert offered("myna datasets merge an") == {"anna"}
