"""Downloads, against a real HTTP server that does what real ones do."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.base import WeightsFile
from engines.download import download
from engines.errors import Cancelled, EngineError
from tests.engines.file_server import Server

CONTENT = random.Random(1).randbytes(3_000_000)
MODEL = WeightsFile("model.pth", "", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
NO_WAIT = (0.0, 0.0, 0.0)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server({"/model.pth": CONTENT}).up() as made:
        yield made


def fetch(server: Server, folder: Path, file: WeightsFile = MODEL, told: list[tuple[int, str]] | None = None) -> None:
    news = told if told is not None else []
    download(file, f"{server.url}/model.pth", folder, lambda have, sentence: news.append((have, sentence)), NO_WAIT)


def test_a_file_is_there_whole_and_only_under_its_name(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, str]] = []
    fetch(server, tmp_path, told=told)
    assert (tmp_path / "model.pth").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["model.pth"]
    assert told[-1] == (len(CONTENT), "fetching model.pth")
    assert [have for have, _ in told] == sorted(have for have, _ in told)


def test_a_file_that_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    fetch(server, tmp_path)
    assert len(server.asked) == 1


def test_a_connection_that_breaks_off_is_taken_up_where_it_ended(server: Server, tmp_path: Path) -> None:
    server.faults.break_after = [1_000_000, 500_000]
    fetch(server, tmp_path)
    assert (tmp_path / "model.pth").read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == ["", "bytes=1000000-", "bytes=1500000-"]


def test_a_later_try_goes_on_from_the_part_that_a_cancelled_one_left(server: Server, tmp_path: Path) -> None:
    def cancel(have: int, sentence: str) -> None:
        if have > 1_000_000:
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        download(MODEL, f"{server.url}/model.pth", tmp_path, cancel, NO_WAIT)
    assert not (tmp_path / "model.pth").exists()
    begun = (tmp_path / "model.pth.part").stat().st_size
    assert begun > 1_000_000
    fetch(server, tmp_path)
    assert server.asked[1] == ("/model.pth", f"bytes={begun}-")
    assert (tmp_path / "model.pth").read_bytes() == CONTENT


def test_a_server_that_refuses_ranges_gives_the_file_from_its_beginning(server: Server, tmp_path: Path) -> None:
    server.faults.break_after = [1_000_000]
    server.faults.refuse_ranges = True
    fetch(server, tmp_path)
    assert (tmp_path / "model.pth").read_bytes() == CONTENT


def test_wrong_bytes_are_told_and_not_kept(server: Server, tmp_path: Path) -> None:
    server.files["/model.pth"] = CONTENT[:-1] + b"?"
    with pytest.raises(EngineError, match=r"is not the published model\.pth: its SHA-256 is .* and not"):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_other_bytes_costs_one_more_try_and_no_person_hears_of_it(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.pth.part").write_bytes(b"of another time" * 1000)
    fetch(server, tmp_path)
    assert (tmp_path / "model.pth").read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == ["bytes=15000-", ""]


def test_a_part_that_is_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.pth.part").write_bytes(CONTENT + b"more")
    fetch(server, tmp_path)
    assert (tmp_path / "model.pth").read_bytes() == CONTENT


def test_a_whole_part_needs_only_its_name(server: Server, tmp_path: Path) -> None:
    """Killed between the last byte and the renaming."""
    (tmp_path / "model.pth.part").write_bytes(CONTENT)
    fetch(server, tmp_path)
    assert server.asked == []
    assert (tmp_path / "model.pth").read_bytes() == CONTENT


def test_a_server_whose_file_has_another_size_is_found_out_before_two_gigabytes_are_fetched(
    server: Server, tmp_path: Path
) -> None:
    server.files["/model.pth"] = CONTENT + b"a longer one"
    with pytest.raises(EngineError, match="the server says that it has 3,000,012 bytes and not 3,000,000"):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_lies_about_the_size_is_believed_only_as_far_as_it_gives(server: Server, tmp_path: Path) -> None:
    server.files["/model.pth"] = CONTENT[:1_000_000]
    server.faults.claims = len(CONTENT)
    with pytest.raises(EngineError, match="the server has no more than 1,000,000 bytes"):
        fetch(server, tmp_path)
    assert not (tmp_path / "model.pth").exists()


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.faults.statuses = [503, 429]
    told: list[tuple[int, str]] = []
    fetch(server, tmp_path, told=told)
    assert (tmp_path / "model.pth").read_bytes() == CONTENT
    assert any("the server answers 503 Service Unavailable; trying again" in sentence for _, sentence in told)


def test_a_file_that_is_not_there_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    del server.files["/model.pth"]
    with pytest.raises(EngineError, match=r"model\.pth cannot be fetched: the server answers 404 Not Found\."):
        fetch(server, tmp_path)
    assert len(server.asked) == 1


def test_without_a_network_the_sentence_names_what_was_asked_for(tmp_path: Path) -> None:
    with Server({}).up() as gone:
        pass
    with pytest.raises(
        EngineError, match=r"http://127\.0\.0\.1:\d+/model\.pth cannot be fetched: no answer \(Connection refused\)"
    ):
        fetch(gone, tmp_path)
