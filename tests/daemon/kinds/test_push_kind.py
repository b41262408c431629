"""Versions that are pushed to a folder elsewhere and pulled from there: the real jobs, files and rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import furnished
import lives
import pytest
import travelling
from inbox_workshop import InProcessChannel, Killed
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon import caller
from daemon.caller import Caller, Right
from daemon.database.models import Job, Voice
from daemon.database.store import Store
from daemon.errors import BadRequest, NotAllowed, NotNow
from daemon.home import imports
from daemon.kinds.push import after_promotion
from daemon.places import manifest, over_files
from daemon.places.place import parse
from daemon.push_settings import Push
from daemon.services import access
from daemon.settings import Settings, load
from daemon.state import consent_notes, incoming, jobs, voices
from proto import myna_pb2 as pb
from proto.messages import spec_of

pytestmark = pytest.mark.integration


@pytest.fixture
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder elsewhere."""
    return tmp_path_factory.mktemp("shelf")


def push(store: Store, url: object, voice: str = "robin", number: int = 7) -> Job:
    return furnished.done(store, spec_of(pb.PushSpec(voice=voice, version=number, url=str(url))))


def pull(store: Store, url: object, voice: str = "") -> list[Job]:
    """The pull, and the import that follows from it, if one does."""
    first = furnished.done(store, spec_of(pb.PullSpec(url=str(url), voice=voice)))
    next_ = store.read_now(lambda session: session.scalars(select(Job).where(Job.parent_job == first.id)).first())
    if next_ is None:
        return [first]
    furnished.attempt(store, store.path.parent, next_.id)
    return [first, store.read_now(lambda session: session.get_one(Job, next_.id))]


def left(store: Store) -> list[str]:
    """What jobs have left in imports/."""
    return sorted(path.name for path in (store.path.parent / "imports").glob("*"))


def test_a_version_goes_there_with_a_card_and_a_manifest_and_comes_out_elsewhere(
    store: Store, there: Store, shelf: Path
) -> None:
    pushed = push(there, f"file://{shelf}")
    assert pushed.state == "succeeded", pushed.why
    assert f"robin@7 is at file://{shelf}/robin-7: " in pushed.why
    assert f"`myna pull file://{shelf}/robin-7`" in pushed.why
    folder = shelf / "robin-7"
    assert {path.name for path in folder.iterdir()} == {"robin-7.myna.tar.zst", "README.md", "manifest.json"}
    listed = json.loads((folder / "manifest.json").read_text())["files"]
    for name, about in listed.items():
        body = (folder / name).read_bytes()
        assert (about["size"], about["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert set(listed) == {"robin-7.myna.tar.zst", "README.md"}
    assert left(there) == []

    fetched, taken = pull(store, f"file://{shelf}/robin-7", "wren")
    assert (fetched.state, taken.state, taken.kind) == ("succeeded", "succeeded", "import"), (fetched.why, taken.why)
    (row,) = travelling.versions(store)
    assert (row.voice, row.number, row.state) == ("wren", 1, "candidate")
    was = there.path.parent / "voices/robin/7/model.safetensors"
    assert (store.path.parent / "voices/wren/1/model.safetensors").read_bytes() == was.read_bytes()
    assert left(store) == []


def test_the_card_tells_scores_and_lineage_and_no_text(there: Store, shelf: Path) -> None:
    there.write_now(lambda session: consent_notes.write(session, "robin", "Robin agreed | <b>twice</b>", "Ada"))
    push(there, f"file://{shelf}")
    card = (shelf / "robin-7/README.md").read_text()
    front = card.split("---")[1]
    assert {"license: apache-2.0", 'language: "en"', "pipeline_tag: text-to-speech"} <= set(front.splitlines())
    for told in ("robin@7, trained from the base", "| similarity | 0.81 |", "| cer | 0.02 |", "Robin agreed", "Ada"):
        assert told in card
    assert "scored there" not in card


def test_what_is_there_whole_is_not_sent_again(there: Store, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(there, f"file://{shelf}")
    sent: list[str] = []
    real = over_files.FolderRemote.send

    def noted(self: over_files.FolderRemote, file: Path, name: str, tell: Any) -> None:
        sent.append(name)
        real(self, file, name, tell)

    monkeypatch.setattr(over_files.FolderRemote, "send", noted)
    (shelf / "robin-7/README.md").write_text("spoilt")
    assert push(there, f"file://{shelf}").state == "succeeded"
    assert sent == ["README.md"]


def test_a_killed_push_goes_on_where_it_was(there: Store, shelf: Path) -> None:
    home = there.path.parent
    spec = spec_of(pb.PushSpec(voice="robin", version=7, url=f"file://{shelf}"))
    id = there.write_now(lambda session: lives.submit(session, spec).id)

    class Dying(InProcessChannel):
        def lasting(self) -> None:
            raise Killed

    with pytest.raises(Killed):
        furnished.attempt(there, home, id, Dying(there, home, id))
    folder = shelf / "robin-7"
    assert not (folder / "manifest.json").exists()
    package = folder / "robin-7.myna.tar.zst"
    before = package.stat()
    there.write_now(lives.recover)
    imports.sweep(home, there.read_now(incoming.packages))
    assert left(there) == [f"push-{id}"], "what the next attempt goes on with stays"
    furnished.attempt(there, home, id)
    assert there.read_now(lambda session: session.get_one(Job, id).state) == "succeeded"
    assert package.stat().st_mtime_ns == before.st_mtime_ns, "it was there whole"
    assert (folder / "manifest.json").exists()


def test_half_a_file_is_finished_and_a_strange_half_begun_anew(tmp_path: Path) -> None:
    file, told = tmp_path / "file", list[int]()
    file.write_bytes(bytes(range(256)) * 40_000)
    remote = over_files.here(parse(f"file://{tmp_path}/shelf"))
    part = tmp_path / "shelf/name.part"
    part.parent.mkdir()
    for half, first in ((file.read_bytes()[:6_000_000], 6_000_000), (b"x" * 6_000_000, 0)):
        part.write_bytes(half)
        told.clear()
        remote.send(file, "name", told.append)
        assert told[0] == min(first + (4 << 20), file.stat().st_size)
        assert (tmp_path / "shelf/name").read_bytes() == file.read_bytes()
        assert not part.exists()


def test_a_place_that_changes_what_it_gets_is_found_out(
    there: Store, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = over_files.FolderRemote.send

    def wrong(self: over_files.FolderRemote, file: Path, name: str, tell: Any) -> None:
        real(self, file, name, tell)
        (shelf / "robin-7" / name).write_bytes(b"!" + file.read_bytes()[1:])

    monkeypatch.setattr(over_files.FolderRemote, "send", wrong)
    job = push(there, f"file://{shelf}")
    assert (job.state, job.error_kind) == ("failed", "engine")
    assert "with other bytes than were sent" in job.why
    assert not (shelf / "robin-7/manifest.json").exists()
    assert left(there) == []


def test_another_version_of_that_name_stays(there: Store, shelf: Path, tmp_path: Path) -> None:
    push(there, f"file://{shelf}")
    before = {path.name: path.read_bytes() for path in (shelf / "robin-7").iterdir()}
    (tmp_path / "third").mkdir()
    third = Store(tmp_path / "third")
    travelling.version(third, "robin", 7, seed=9)
    job = push(third, f"file://{shelf}")
    third.close()
    assert (job.state, job.error_kind) == ("failed", "bad-input")
    assert "holds robin@7 already" in job.why
    assert {path.name: path.read_bytes() for path in (shelf / "robin-7").iterdir()} == before


@pytest.mark.parametrize("name", ["manifest.json", "README.md"])
def test_what_a_person_wrote_there_stays(there: Store, shelf: Path, name: str) -> None:
    (shelf / "robin-7").mkdir()
    (shelf / "robin-7" / name).write_text("# mine\n")
    job = push(there, f"file://{shelf}")
    assert (job.state, job.error_kind) == ("failed", "bad-input")
    assert {path.name for path in (shelf / "robin-7").iterdir()} == {name}
    assert (shelf / "robin-7" / name).read_text() == "# mine\n"


def test_the_promoted_version_goes_where_none_is_named(there: Store, shelf: Path) -> None:
    with pytest.raises(NotNow, match="no promoted version"):
        push(there, f"file://{shelf}", number=0)
    there.write_now(lambda session: voices.promote(session, "robin", 7, voices.BY_PERSON))
    assert push(there, f"file://{shelf}", number=0).state == "succeeded"


def test_a_voice_without_a_note_goes_nowhere_where_the_site_wants_one(tmp_path: Path, shelf: Path) -> None:
    home = tmp_path / "strict"
    home.mkdir()
    (home / "myna.toml").write_text("[consent]\nrequired = true\n")
    strict = Store(home, settings=load(home))
    travelling.version(strict, "robin", 7)
    with pytest.raises(NotNow, match="consent note"):
        push(strict, f"file://{shelf}")
    strict.close()


# ---------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        (lambda m: m | {"package": "../robin-7.myna.tar.zst"}, "names no package"),
        (lambda m: m | {"package": "README.md"}, "names no package"),
        (lambda m: m | {"files": {}}, "does not tell the size"),
        (lambda m: m | {"format": 2}, "another Myna"),
        (lambda m: m | {"version": "robin\n7"}, "which version"),
        (lambda m: m | {"files": {m["package"]: {"size": 10**14, "sha256": "0" * 64}}}, "does not tell the size"),
        (lambda m: m | {"files": {m["package"]: {"size": 10, "sha256": "0" * 64}}}, "has not the size"),
        (
            lambda m: m | {"files": {m["package"]: m["files"][m["package"]] | {"sha256": "0" * 64}}},
            "has not the SHA-256",
        ),
    ],
)
def test_a_manifest_that_lies_brings_nothing_here(
    store: Store, there: Store, shelf: Path, spoilt: Any, sentence: str
) -> None:
    push(there, f"file://{shelf}")
    path = shelf / "robin-7/manifest.json"
    path.write_text(json.dumps(spoilt(json.loads(path.read_text()))))
    (job,) = pull(store, f"file://{shelf}/robin-7")
    assert (job.state, job.error_kind) == ("failed", "bad-input")
    assert sentence in job.why
    assert job.error_hint
    assert left(store) == []


def test_a_pull_goes_on_where_the_place_failed(
    store: Store, there: Store, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(there, f"file://{shelf}")
    real, begun = over_files.FolderRemote.read, list[int]()

    def breaking(self: over_files.FolderRemote, name: str, start: int = 0) -> Iterator[bytes]:
        body = b"".join(real(self, name, start))
        if name == manifest.FILE:
            yield body
            return
        begun.append(start)
        yield body[:100]
        if len(begun) == 1:
            raise ConnectionResetError("gone")
        yield body[100:]

    monkeypatch.setattr(over_files.FolderRemote, "read", breaking)
    (job,) = pull(store, f"file://{shelf}/robin-7")
    assert (job.state, job.error_kind) == ("failed", "engine")
    assert "ConnectionResetError" in job.why
    store.write_now(lambda session: jobs.retry(session, jobs.get(session, job.id)))
    furnished.attempt(store, store.path.parent, job.id)
    assert begun == [0, 100]
    assert store.read_now(lambda session: jobs.get(session, job.id).state) == "succeeded"


def test_a_folder_without_a_version_says_so(store: Store, shelf: Path) -> None:
    (job,) = pull(store, f"file://{shelf}/nothing")
    assert job.state == "failed"
    assert "has no manifest.json" in job.why


def test_a_manifest_without_end_is_not_read_to_its_end() -> None:
    read = []

    def endless() -> Iterator[bytes]:
        while True:
            read.append(1)
            yield b" " * 100_000

    with pytest.raises(manifest.BadInput, match="too long"):
        manifest.read(endless())
    assert len(read) < 20


def test_the_home_is_no_place(there: Store) -> None:
    home = there.path.parent.resolve()
    for spec in (pb.PushSpec(voice="robin", version=7, url=f"file://{home}/voices"), pb.PullSpec(url=f"file://{home}")):
        with pytest.raises(BadRequest, match="own home"):
            furnished.done(there, spec_of(spec))


# ------------------------------------------------------------------------------------------- who may, and by itself


def submitted(store: Store, spec: Any) -> Job:
    return store.write_now(lambda session: lives.submit(session, spec_of(spec)))


def test_people_push_only_to_places_for_everybody(there: Store, shelf: Path) -> None:
    there.write_now(lambda session: setattr(session.get_one(Voice, "robin"), "owner", "bert"))
    (there.path.parent / "myna.toml").write_text(f'[push]\nallow = ["file://{shelf}/open", "s3://bucket/voices"]\n')
    caller.begin(Caller("bert", Right.SPEAK | Right.READ | Right.TRAIN))
    try:
        allowed = [f"file://{shelf}/open/deep", "s3://bucket/voices"]
        for url in allowed:
            assert submitted(there, pb.PushSpec(voice="robin", version=7, url=url)).state == "queued"
        for url in (f"file://{shelf}/opener", "s3://bucket", "s3://bucket2/voices", "s3://bucket/voices/../secret"):
            with pytest.raises((NotAllowed, BadRequest)):
                submitted(there, pb.PushSpec(voice="robin", version=7, url=url))
        with pytest.raises(NotAllowed, match="bert may not use"):
            submitted(there, pb.PullSpec(url="s3://elsewhere/robin-7", voice="robin"))
    finally:
        caller.begin(caller.OWNER)


def test_people_name_the_voice_that_a_pull_is_for(there: Store) -> None:
    there.write_now(lambda session: setattr(session.get_one(Voice, "robin"), "owner", "bert"))

    def ask(spec: Any) -> None:
        request = pb.SubmitRequest(spec=spec_of(spec))
        there.read_now(lambda session: access.check(session, access.RULES["Jobs.Submit"], request))

    caller.begin(Caller("bert", Right.SPEAK | Right.READ | Right.TRAIN))
    try:
        ask(pb.PullSpec(url="s3://bucket/robin-7", voice="robin"))
        ask(pb.PushSpec(url="s3://bucket", voice="robin"))
        with pytest.raises(NotAllowed, match="without naming the voice"):
            ask(pb.PullSpec(url="s3://bucket/robin-7"))
    finally:
        caller.begin(caller.OWNER)


def follow(store: Store, allow: tuple[str, ...] = ()) -> list[Job]:
    """What follows from the promotion of robin@7."""

    def act(session: Session) -> None:
        voice = session.get_one(Voice, "robin")
        settings = Settings(push=Push(allow=allow))
        lives.lifecycle(session).follow(session, after_promotion.follow_ups(session, voice, settings))

    store.write_now(act)
    return store.read_now(lambda session: list(session.scalars(select(Job).where(Job.kind == "push"))))


def test_a_promotion_is_pushed_once_where_the_voice_says_so(there: Store, shelf: Path) -> None:
    there.write_now(lambda session: voices.promote(session, "robin", 7, voices.BY_SCORE))
    assert follow(there) == [], "its voice.toml says nothing"
    there.write_now(
        lambda session: setattr(session.get_one(Voice, "robin"), "options", {"auto_push": f"file://{shelf}"})
    )
    follow(there)
    (job,) = follow(there)
    assert (job.title, job.state) == (f"push robin@7 to file://{shelf}", "queued")


def test_a_persons_voice_is_pushed_by_itself_only_to_places_for_everybody(there: Store, shelf: Path) -> None:
    def act(session: Session) -> None:
        voice = session.get_one(Voice, "robin")
        voice.owner, voice.options = "bert", {"auto_push": f"file://{shelf}"}
        voices.promote(session, "robin", 7, voices.BY_SCORE)

    there.write_now(act)
    assert follow(there) == []
    assert len(follow(there, allow=(f"file://{shelf}",))) == 1
