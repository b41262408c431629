"""The table of `make bench`: what is a bar, and what becomes of a benchmark that cannot measure."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import run as bench

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of benchmarks of the test's own."""
    made = tmp_path / "benchmarks"
    made.mkdir()
    (made / "__init__.py").write_text("")
    monkeypatch.setattr(bench, "HERE", made)
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "KEPT", made)
    return made


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("submit · 812 jobs/s · ≥ 500 jobs/s · holds", "holds"),
        ("submit · 312 jobs/s · ≥ 500 jobs/s · falls short", "falls short"),
        ("# details · 812 · 500 · holds", None),
        ("a line · with a · dot", None),
        ("submit · 812 jobs/s · ≥ 500 jobs/s · perhaps", None),
    ],
)
def test_a_bar_is_a_line_of_four_parts_with_a_verdict(line: str, verdict: str | None) -> None:
    row = bench.parse("submit_rate", line)
    assert (row.verdict if row else None) == verdict


def test_a_benchmark_that_fails_is_a_row_that_says_so_beside_what_it_could_measure(folder: Path) -> None:
    (folder / "half.py").write_text("print('one · 1 s · ≤ 2 s · holds')\nraise SystemExit('the card is missing')\n")
    rows = bench.run("half")
    assert [(row.name, row.verdict) for row in rows] == [("one", "holds"), ("half", "not measured")]
    assert "the card is missing" in rows[1].measured


def test_a_benchmark_without_a_bar_is_not_taken_for_one_that_holds(folder: Path) -> None:
    (folder / "silent.py").write_text("print('# nothing to say')\n")
    assert [row.verdict for row in bench.run("silent")] == ["not measured"]


@pytest.mark.timeout(60)
def test_one_that_takes_too_long_is_given_up_with_all_that_it_started(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = "[sys.executable, '-c', 'import signal; signal.pause()']"  # it has our output, and would keep it open
    (folder / "endless.py").write_text(
        "import subprocess, sys\n"
        "print('one · 1 s · ≤ 2 s · holds', flush=True)\n"
        f"subprocess.run({waiting}, check=True)\n"
    )
    monkeypatch.setattr(bench, "PATIENCE", 2.0)
    rows = bench.run("endless")
    assert [(row.name, row.verdict) for row in rows] == [("one", "holds"), ("endless", "not measured")]
    assert "gave up after 2 s" in rows[1].measured


def test_groups_that_take_hours_are_given_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "verdict_quick.py").write_text("print('one · 1 s · ≤ 2 s · holds')\n")
    monkeypatch.setattr(bench, "PATIENCE", 0.0)
    assert [row.verdict for row in bench.run("verdict_quick")] == ["holds"]
    assert set(bench.LONG) <= set(bench.GROUPS)


def test_the_whole_table_is_kept_with_date_machine_and_commit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "quick.py").write_text("def main():\n    print('a|b · 1 s · ≤ 2 s · holds')\n\n\nmain()\n")
    (folder / "parts.py").write_text("NOT = 'a benchmark: it has no main'\n")
    monkeypatch.setattr("sys.argv", ["bench"])
    assert bench.main() == 0
    kept = (folder / "RESULTS.md").read_text()
    assert "| a\\|b | 1 s | ≤ 2 s | holds | `quick` |" in kept
    assert " UTC by `make bench` at commit " in kept
    assert " in 0 min, on " in kept


def test_all_groups_in_turn_keep_a_table_each_and_the_soak_is_apart(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("quick", "xtts_quick", "learning_quick", "soak"):
        (folder / f"{name}.py").write_text(f"def main():\n    print('{name} · 1 s · ≤ 2 s · holds')\n\n\nmain()\n")
    monkeypatch.setattr(bench, "GROUPS", ("xtts", "soak", "learning"))
    monkeypatch.setattr("sys.argv", ["bench", "--all"])
    assert bench.main() == 0
    for table, name in (("RESULTS", "quick"), ("RESULTS-xtts", "xtts_quick"), ("RESULTS-learning", "learning_quick")):
        assert f"| {name} | 1 s | ≤ 2 s | holds | `{name}` |" in (folder / f"{table}.md").read_text()
    assert not (folder / "RESULTS-soak.md").exists()


def test_a_benchmark_nobody_knows_is_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "nope"])
    assert bench.main() == 2
    assert "There is no benchmark 'nope'." in capsys.readouterr().err
