"""The shared folder and what is written there, without a process: whole files, content by hash, fences, leases."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from daemon.errors import BadRequest
from daemon.executor_settings import Executor
from daemon.far import runtime
from daemon.far.attempt_folder import AttemptFolder, Fenced, Lease, Who
from daemon.far.cluster import FarLane, lanes_of
from daemon.far.runtime import Difference, Runtime
from daemon.far.shared_store import SharedStore
from daemon.far.values import BadFile, Ending, Item, Kept, Result, inside
from daemon.far.words import plain
from daemon.settings import load
from engines.errors import BadInput
from proto import worker_pb2 as wire

pytestmark = pytest.mark.unit
SHA = "a" * 64


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SharedStore:
    """A folder, and what fsspec has for places that are none."""
    return SharedStore(f"file://{tmp_path}/shared" if request.param == "file" else f"memory://{uuid.uuid4().hex}")


def test_content_is_stored_once_and_fetched_by_its_hash(store: SharedStore, tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"sound" * 500_000)
    item = store.put(source, "clips/a.flac")
    assert item == store.put(source, "clips/a.flac")
    assert (item.size, store.has(item)) == (2_500_000, True)
    store.fetch(item, tmp_path / "there" / "b")
    assert (tmp_path / "there" / "b").read_bytes() == source.read_bytes()
    store.forget(item)
    assert not store.has(item)
    with pytest.raises(BadFile, match="is gone from the shared folder"):
        store.fetch(item, tmp_path / "there" / "c")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["b"], "nothing half-written stays"


def test_a_file_is_created_by_the_first_and_written_over_by_the_last(store: SharedStore) -> None:
    assert store.read("x/claim") is None
    assert store.create("x/claim", b"one")
    assert not store.create("x/claim", b"two")
    assert store.read("x/claim") == b"one"
    store.write("x/claim", b"three")
    assert store.read("x/claim") == b"three"
    store.remove("x")
    store.remove("x")
    assert store.read("x/claim") is None


def test_a_later_attempt_has_the_job(store: SharedStore) -> None:
    first = AttemptFolder(store, "home", "1", 1)
    second = first.other(2)
    first.raise_fence()
    first.keep(Kept((Item("runs/1/x", SHA, 1),)))
    second.raise_fence()
    for late in (lambda: first.finish(Result(Ending.SAID)), lambda: first.keep(Kept()), first.raise_fence):
        with pytest.raises(Fenced, match="attempt 2 has the job"):
            late()
    assert first.result() is None
    kept = first.kept()
    assert kept is not None
    assert [item.path for item in kept.outputs] == ["runs/1/x"], "what it kept before is there for the next one"
    second.finish(Result(Ending.SAID, (wire.Report(done=wire.Done(sentence="all")).SerializeToString(),)))
    with pytest.raises(BadFile, match="written already"):
        second.finish(Result(Ending.DIED))
    result = second.result()
    assert result is not None
    assert [one.done.sentence for one in result.said()] == ["all"]


def test_frames_come_in_their_order_and_a_cut_one_is_told(store: SharedStore) -> None:
    folder = AttemptFolder(store, "home", "1", 1)
    assert folder.next("events", 1, wire.Report) is None
    folder.publish("events", 1, [wire.Report(number=number) for number in (1, 2)])
    folder.publish("events", 2, [wire.Report(number=3)])
    got = [one.number for at in (1, 2) for one in folder.next("events", at, wire.Report) or ()]
    assert got == [1, 2, 3]
    store.write("homes/home/1/1/events/00000003", b"\0\0\0\7abc")
    with pytest.raises(BadFile, match="events/3"):
        folder.next("events", 3, wire.Report)


def test_a_lease_is_over_when_its_count_stands_still_by_this_clock() -> None:
    now = [0.0]
    lease = Lease(10.0, lambda: now[0])
    for now[0], count in ((9.0, 1), (18.0, 2), (27.0, 7)):
        lease.see(count)
        assert not lease.over
    now[0] = 36.0
    lease.see(7)
    assert not lease.over
    now[0] = 37.1
    lease.see(7)
    assert lease.over


def test_each_side_counts_for_itself(store: SharedStore) -> None:
    folder = AttemptFolder(store, "home", "1", 1)
    assert folder.count(Who.AGENT) == 0
    folder.beat(Who.AGENT)
    folder.beat(Who.AGENT)
    assert (folder.count(Who.AGENT), folder.count(Who.RELAY)) == (2, 0)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "runs/../../x", "runs/1\0", "voices/anna/1/x", "runs/1"])
def test_a_path_that_leads_elsewhere_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="leads elsewhere"):
        inside(tmp_path, path, ["runs/1"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": 2, "outputs": []}',
        b'{"format": 1, "outputs": [{"path": "../x", "sha256": "' + b"a" * 64 + b'", "size": 1}]}',
        b'{"format": 1, "outputs": [{"path": "x", "sha256": "../../x", "size": 1}]}',
        b'{"format": 1, "outputs": [{"path": "x", "sha256": "' + b"a" * 64 + b'", "size": -1}]}',
    ],
)
def test_a_damaged_list_is_told_and_not_believed(content: bytes, store: SharedStore) -> None:
    store.write("homes/home/1/1/kept.json", content or b" ")
    with pytest.raises(BadFile):
        AttemptFolder(store, "home", "1", 1).kept()


def test_what_computes_is_told_apart_and_said() -> None:
    ours = Runtime("3.11.7", "x86_64", "abc", {"torch": "2.13.0", "numpy": "2.4.6"})
    theirs = Runtime("3.12.1", "x86_64", "abd", {"torch": "2.13.0", "numpy": "", "fish": "1"})
    found = tuple(ours.differences(theirs))
    assert ours.differences(ours) == []
    assert found == (
        Difference("python", "3.11.7", "3.12.1"),
        Difference("myna", "abc", "abd"),
        Difference("numpy", "2.4.6", ""),
        Difference("fish", "", "1"),
    )
    said = runtime.sentence(found, "box2")
    assert said == (
        "box2 has python 3.12.1 and this machine 3.11.7, box2 has another Myna than this machine, "
        "box2 has no numpy and this machine 2.4.6, box2 has fish 1 and this machine none."
    )


def test_what_ray_printed_in_colours_is_told_without() -> None:
    assert plain("\x1b[33m(raylet)\x1b[0m The node died.\n", 17) == "(raylet) The node"


def test_mynas_digest_is_of_what_computes(tmp_path: Path) -> None:
    for package in runtime.CODE:
        (tmp_path / package).mkdir()
    (tmp_path / "engines" / "a.py").write_text("1")
    before = runtime._code(tmp_path)
    (tmp_path / "engines" / "notes.md").write_text("2")
    assert runtime._code(tmp_path) == before
    (tmp_path / "engines" / "a.py").write_text("2")
    assert runtime._code(tmp_path) != before


def test_lanes_are_gpus_and_where_there_are_none_machines() -> None:
    head = '{"id": "h", "name": "box0", "cpus": 0, "gpus": 0}'
    one = '{"id": "a", "name": "box1", "cpus": 8, "gpus": 0}'
    two = '{"id": "b", "name": "box2", "cpus": 8, "gpus": 2}'
    assert lanes_of(f'{{"machines": [{head}, {one}, {two}]}}') == (FarLane("b", "box2", 0), FarLane("b", "box2", 1))
    assert lanes_of(f'{{"machines": [{head}, {one}]}}') == (FarLane("a", "box1", None),)
    assert lanes_of('{"machines": []}') == ()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[2026-11-30 06:24:26,913 E 24371] a raylet died",
        "{}",
        "[1]",
        "7",
        '"x"',
        '{"machines": 3}',
        '{"machines": [{}]}',
    ],
)
def test_what_ray_itself_prints_is_no_list_of_machines(line: str) -> None:
    assert lanes_of(line) is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "process"}, "it has no store"),
        ({"kind": "cloud"}, "kind must be"),
        ({"kind": "process", "store": "/mnt/shared"}, "store must be"),
        ({"kind": "process", "store": "file:///x", "lease": 1.0, "poll": 1.0}, "at least four times poll"),
        ({"kind": "local", "address": "rm -rf"}, "address must be"),
        ({"kind": "process", "store": "sftp://me:secret@box/x"}, "store has a password in it"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_words(settings: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        Executor(**settings)  # type: ignore[arg-type]


def test_ray_must_be_there_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("daemon.executor_settings.find_spec", lambda name: None)
    (tmp_path / "myna.toml").write_text('[executor]\nkind = "ray"\nstore = "file:///mnt/shared"\n')
    with pytest.raises(BadRequest, match="ray is not installed") as refused:
        load(tmp_path)
    assert refused.value.hint == "Install it: `pip install 'myna-voice[ray]'`."


def test_the_table_is_read_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "myna.toml").write_text('[executor]\nkind = "process"\nstore = "file:///mnt/shared"\nlease = 20.0\n')
    read = load(tmp_path).executor
    assert (read.kind, read.store, read.lease, read.poll) == ("process", "file:///mnt/shared", 20.0, 0.5)
