"""The log of a job: whole lines, over all attempts; whoever follows gets every line and then the end."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.state.logs import Logs, StoredLogLine


def lines(*texts: str) -> list[tuple[int, str, str]]:
    return [(number, "info", text) for number, text in enumerate(texts)]


def read(logs: Logs, job: int) -> list[StoredLogLine]:
    """All lines of a job, once they are written."""
    logs.flush()
    return logs.read(job)[0]


async def still_running() -> bool:
    return True


async def over() -> bool:
    return False


def test_lines_come_back_in_order_with_their_attempt(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.append(1, 1, lines("a", "b\nwith a line break", "ü \udcff"))
    logs.append(1, 2, lines("c"))
    found = read(logs, 1)
    assert [(line["attempt"], line["text"]) for line in found][:2] == [(1, "a"), (1, "b\nwith a line break")]
    assert (found[-1]["attempt"], found[-1]["text"]) == (2, "c")
    assert read(logs, 2) == []


def test_a_line_cut_by_a_crash_costs_only_itself(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.append(1, 1, lines("a"))
    logs.flush()
    with logs.path(1).open("a") as file:
        file.write('{"time": 2, "le')
    logs.append(1, 2, lines("b"))
    assert [line["text"] for line in read(logs, 1)] == ["a", "b"]


def test_a_full_disk_costs_the_log_and_not_the_job(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.path(1).mkdir()  # any OSError will do
    logs.append(1, 1, lines("a"))
    logs.append(2, 1, lines("b"))
    assert [line["text"] for line in read(logs, 2)] == ["b"]


def test_a_follower_gets_what_was_what_comes_and_then_the_end(tmp_path: Path) -> None:
    async def main() -> list[str]:
        logs = Logs(tmp_path)
        logs.append(1, 1, lines("skipped", "was"))
        got: list[str] = []
        started = asyncio.Event()

        async def follow() -> None:
            async for line in logs.follow(1, tail=1, alive=still_running):
                got.append(line["text"])
                started.set()

        following = asyncio.create_task(follow())
        await started.wait()
        logs.append(1, 1, lines("comes"))
        logs.close(1)
        await asyncio.wait_for(following, 5)
        return got

    assert asyncio.run(main()) == ["was", "comes"]


def test_following_a_job_that_just_ended_does_not_wait_for_ever(tmp_path: Path) -> None:
    async def main() -> list[str]:
        logs = Logs(tmp_path)
        logs.append(1, 1, lines("a"))
        logs.close(1)
        return [line["text"] async for line in logs.follow(1, alive=over)]

    assert asyncio.run(asyncio.wait_for(main(), 5)) == ["a"]


def test_a_follower_that_comes_back_with_its_cursor_gets_each_line_once(tmp_path: Path) -> None:
    async def read(logs: Logs, after: int) -> list[tuple[str, int]]:
        return [(line["text"], line["end"]) async for line in logs.follow(1, after=after)]

    logs = Logs(tmp_path)
    logs.append(1, 1, lines("a", "ü", "c"))
    (_, _), (text, cursor), (_, _) = asyncio.run(read(logs, 0))
    assert text == "ü"
    assert [text for text, _ in asyncio.run(read(Logs(tmp_path), cursor))] == ["c"], (
        "also from a daemon that was started anew"
    )


NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def test_the_log_of_another_databases_job_of_that_number_is_set_aside_and_not_shown(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.begin(1, NOON)
    logs.append(1, 1, lines("theirs"))
    logs.flush()
    whole = logs.path(1).read_bytes()
    logs.claim(1, NOON + timedelta(microseconds=1))
    assert read(logs, 1) == []
    logs.begin(1, NOON + timedelta(microseconds=1))
    logs.append(1, 1, lines("ours"))
    assert [line["text"] for line in read(logs, 1)] == ["ours"]
    assert (tmp_path / "log" / "job-1.jsonl.of-another-database").read_bytes() == whole


def test_a_job_keeps_its_log_over_attempts_and_restarts(tmp_path: Path) -> None:
    for attempt in (1, 2):
        logs = Logs(tmp_path)
        logs.begin(1, NOON)
        logs.append(1, attempt, lines(f"attempt {attempt}"))
        logs.flush()
    assert [line["text"] for line in read(logs, 1)] == ["attempt 1", "attempt 2"]


def test_a_log_without_its_first_line_is_the_jobs_unless_it_is_older(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.append(1, 1, [(int(NOON.timestamp()) * 10**9, "info", "a")])
    logs.flush()
    logs.begin(1, NOON - timedelta(seconds=1))
    assert [line["text"] for line in read(logs, 1)] == ["a"]
    logs.claim(1, NOON + timedelta(seconds=1))
    assert read(logs, 1) == []


def test_whoever_writes_more_than_the_disk_takes_waits_until_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.state.logs.MAX_WAITING", 100)

    async def main() -> None:
        logs = Logs(tmp_path)
        go, opened = threading.Event(), Path.open

        def when_told(self: Path, *given: Any) -> Any:
            go.wait(10)
            return opened(self, *given)

        monkeypatch.setattr(Path, "open", when_told)
        logs.append(1, 1, lines("a"))
        await asyncio.wait_for(logs.wait_for_space(), 5)
        for _ in range(2):  # while the thread may have taken the first of them
            logs.append(1, 1, lines("b" * 101))
        waiting = asyncio.create_task(logs.wait_for_space())
        await asyncio.sleep(0)
        assert not waiting.done()
        go.set()
        await asyncio.wait_for(waiting, 5)
        assert len(logs.read(1)[0]) == 3

    asyncio.run(main())


def test_many_lines_of_many_jobs_keep_their_order_and_open_a_file_once_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs, opened, times = Logs(tmp_path), Path.open, list[str]()

    def counted(self: Path, *given: Any) -> Any:
        times.append(self.name)
        return opened(self, *given)

    monkeypatch.setattr(Path, "open", counted)
    go = threading.Event()
    logs._writer.submit(go.wait, 10)  # a disk that is busy with something else
    for number in range(1_000):
        logs.append(number % 2, 1, lines(str(number)))
    go.set()
    logs.flush()
    assert times == ["job-0.jsonl", "job-1.jsonl"]
    assert [int(line["text"]) for line in logs.read(1)[0]] == list(range(1, 1_000, 2))
