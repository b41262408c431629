"""Consent notes: kept with who wrote them, wanted where the site wants them, and gone along with what leaves."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import furnished
import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from test_export_dataset import unpacked

from daemon.database.models import Job, Voice
from daemon.database.store import Store
from daemon.errors import BadRequest, MynaError, NotNow
from daemon.home import adopt, consent_file, survey
from daemon.home.voice_folders import move
from daemon.kinds.lifecycle import Lifecycle
from daemon.kinds.registry import Kinds
from daemon.services import consent, merging
from daemon.settings import load
from daemon.site_settings import Consent
from daemon.state import consent_notes, voice_life, voices
from proto import myna_pb2 as pb
from proto.messages import spec_of

pytestmark = pytest.mark.integration

ANNAS = "Anna Berg, with her written consent"


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Store]:
    """A home that wants a note of every voice, with a voice that has ten clips."""
    (tmp_path / "strict").mkdir()
    (tmp_path / "strict" / "myna.toml").write_text("[consent]\nrequired = true\n")
    opened = Store(tmp_path / "strict", settings=load(tmp_path / "strict"))
    furnished.give(opened, "robin", range(1, 11), held=3)
    yield opened
    opened.close()


def write(store: Store, voice: str, text: str) -> None:
    home, settings = store.path.parent, load(store.path.parent)
    _, note = store.write_now(consent.put, voice, text, Lifecycle(Kinds(home, settings)), settings)
    consent_file.add(home, [note])


def jobs(store: Store, kind: str) -> list[str]:
    return store.read_now(lambda session: list(session.scalars(select(Job.title).where(Job.kind == kind))))


def refused(store: Store, spec: pb.JobSpec) -> MynaError:
    with pytest.raises(MynaError) as found:
        store.write_now(lambda session: lives.submit(session, spec))
    return found.value


def test_without_a_note_nothing_is_said_of_one(store: Store) -> None:
    furnished.give(store, "robin", range(1, 11), held=3)
    message = store.read_now(lambda session: voices.message(session, session.get_one(Voice, "robin")))
    assert not message.HasField("consent")
    assert not message.consent_missing
    assert store.write_now(lambda session: lives.submit(session, spec_of(pb.TrainSpec(voice="robin")))).id


@pytest.mark.parametrize(
    "spec",
    [
        pb.TrainSpec(voice="robin"),
        pb.SpeakSpec(voice="robin", text="Good morning."),
        pb.ExportSpec(voice="robin", dataset=pb.DatasetExport()),
        pb.ExportSpec(voice="robin", version=1),
    ],
)
def test_where_the_site_wants_a_note_training_speaking_and_exporting_wait_for_it(
    strict: Store, spec: pb.TrainSpec
) -> None:
    error = refused(strict, spec_of(spec))
    assert error.sentence == "robin has no consent note, and this site wants one of every voice."
    assert error.hint == 'Write it: `myna voices consent robin "WHOSE VOICE IT IS"`.'
    write(strict, "robin", ANNAS)
    if not getattr(spec, "version", 0):
        assert strict.write_now(lambda session: lives.submit(session, spec_of(spec))).id


def test_datasets_are_made_without_a_note_and_the_training_begins_once_it_is_written(strict: Store) -> None:
    (strict.path.parent / "myna.toml").write_text("auto_train_min_seconds = 1\n[consent]\nrequired = true\n")
    spec = pb.DatasetSpec(voice="robin", train_after=True)
    furnished.give(strict, "robin", range(11, 16))
    job = strict.write_now(lambda session: lives.submit(session, spec_of(spec)).id)

    def ended(session: Session) -> None:
        lives.succeed(session, session.get_one(Job, job), "Cut.")

    strict.write_now(ended)
    message = strict.read_now(lambda session: voices.message(session, session.get_one(Voice, "robin")))
    assert message.newest_dataset == 2
    assert message.consent_missing
    assert message.next == 'waits for its consent note: `myna voices consent robin "WHOSE VOICE IT IS"`'
    assert jobs(strict, "train") == []
    write(strict, "robin", ANNAS)
    assert jobs(strict, "train") == ["train robin from the base on dataset #2"]
    write(strict, "robin", "Anna Berg, by contract of 2026")
    assert len(jobs(strict, "train")) == 1


def test_all_notes_are_kept_with_who_wrote_them_and_the_same_twice_is_once(store: Store) -> None:
    for text in (ANNAS, f" {ANNAS}\n", "Anna Berg, by contract"):
        write(store, "anna", text)
    told = store.read_now(consent.told, "anna")
    assert [note.text for note in told.notes] == ["Anna Berg, by contract", ANNAS]
    assert all(note.by and note.HasField("time") for note in told.notes)
    assert not told.asks
    with pytest.raises(BadRequest, match="empty"):
        write(store, "anna", " \n")
    with pytest.raises(BadRequest, match="2,001 characters"):
        write(store, "anna", "a" * 2_001)


def test_who_adds_recordings_is_asked_while_a_voice_is_new_or_the_site_wants_a_note(
    store: Store, strict: Store
) -> None:
    furnished.give(store, "robin", range(1, 6))
    assert {name: store.read_now(consent.told, name).asks for name in ("anna", "nobody", "robin")} == {
        "anna": True, "nobody": True, "robin": False,
    }  # fmt: skip
    assert strict.read_now(consent.told, "robin").asks
    write(store, "nobody", ANNAS)
    assert not store.read_now(consent.told, "nobody").asks, "a note may come before the voice"


def test_a_derived_voice_has_its_parents_note_until_it_has_its_own(strict: Store) -> None:
    write(strict, "robin", ANNAS)

    def derive(session: Session) -> None:
        row = session.get_one(Voice, "robin")
        made = {"voice": "robin", "pitch": 2.0, "pace": 1.0, "liveliness": 1.0}
        session.add(Voice(name="wren", language="en", engine="glow", options={}, created=row.created, derivation=made))

    strict.write_now(derive)
    strict.read_now(consent_notes.check, "wren")
    assert (
        strict.read_now(lambda session: voices.message(session, session.get_one(Voice, "wren"))).consent.text == ANNAS
    )
    write(strict, "wren", "Made of Anna Berg's")
    assert [note.voice for note in strict.read_now(consent.told, "wren").notes] == ["wren"]


def test_notes_go_with_a_renamed_voice_and_come_back_after_the_database_is_lost(store: Store) -> None:
    home = store.path.parent
    furnished.give(store, "robin", range(1, 6), held=3)
    write(store, "robin", "Anna's")
    write(store, "robin", ANNAS)
    store.write_now(voice_life.begin_rename, "robin", "wren")
    move(home, "robin", "wren")
    move(home, "robin", "wren")  # killed, and done again
    assert store.read_now(consent_notes.unwritten, home) == []
    (home / "lost").mkdir()
    (home / "recordings").rename(home / "lost" / "recordings")
    with_nothing = Store(home / "lost")
    try:
        found = with_nothing.read_now(survey.scan, home / "lost", "wren")
        assert any(one.kind == "recording" for one in found)
        with_nothing.write_now(
            lambda session: adopt.take_in(session, lives.lifecycle(session), found, home / "lost", 9)
        )
        notes = with_nothing.read_now(consent.told, "wren").notes
        assert [note.text for note in notes] == [ANNAS, "Anna's"]
        with_nothing.write_now(consent_notes.take_in, home / "lost")
        assert len(with_nothing.read_now(consent.told, "wren").notes) == 2
    finally:
        with_nothing.close()


def test_notes_that_the_file_lacks_are_written_at_the_start(store: Store) -> None:
    home = store.path.parent
    (home / "recordings").mkdir()
    store.write_now(consent_notes.write, "anna", ANNAS, "ed")
    consent_file.add(home, store.read_now(consent_notes.unwritten, home))
    with (home / "recordings" / consent_file.NAME).open("a") as file:
        file.write('{"voice": "anna", "te\n{"voice": 1}\n{"voice": "x", "text": "y", "by": "z", "time": "never"}\n')
    assert [note.text for note in consent_file.read(home)] == [ANNAS]
    assert store.read_now(consent_notes.unwritten, home) == []


@pytest.mark.parametrize("format", ["ljspeech", "fish", "huggingface"])
def test_the_note_lies_in_every_layout(store: Store, format: str) -> None:
    furnished.give(store, "robin", range(1, 6), held=3)
    write(store, "robin", ANNAS)
    with tarfile.open(furnished.exported(store, "robin", format)) as tar:
        (name,) = (name for name in tar.getnames() if name.endswith("/CONSENT.md"))
        assert ANNAS in tar.extractfile(name).read().decode()  # type: ignore[union-attr]


def test_the_note_goes_in_a_package_and_is_the_voices_there_unless_it_has_one(store: Store, strict: Store) -> None:
    write(strict, "robin", ANNAS)
    package = furnished.exported(strict, "robin")
    assert json.loads(unpacked(package)["manifest.json"])["consent"]["text"] == ANNAS
    assert furnished.imported(store, package, "wren").state == "succeeded"
    (note,) = store.read_now(consent.told, "wren").notes
    (was,) = strict.read_now(consent.told, "robin").notes
    assert (note.text, note.by, note.time, note.voice) == (ANNAS, was.by, was.time, "wren")
    assert [one.voice for one in consent_file.read(store.path.parent)] == ["wren"]
    write(store, "anna", "Somebody else's")
    assert furnished.imported(store, package, "anna").state == "succeeded"
    assert [note.text for note in store.read_now(consent.told, "anna").notes] == ["Somebody else's"]


def test_the_setting_is_a_table(tmp_path: Path) -> None:
    assert not load(tmp_path).consent.required
    (tmp_path / "myna.toml").write_text("[consent]\nrequired = true\n")
    assert load(tmp_path).consent == Consent(required=True)


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("speak", pb.SpeakSpec(voice="robin", text="Good morning.")),
        ("export", pb.ExportSpec(voice="robin", dataset=pb.DatasetExport())),
    ],
)
def test_jobs_of_before_wait_for_the_note_that_the_site_wants_since_then(
    store: Store, kind: str, spec: pb.SpeakSpec
) -> None:
    home = store.path.parent
    furnished.give(store, "robin", range(1, 11), held=3)
    job = store.write_now(lambda session: lives.submit(session, spec_of(spec)).id)
    (home / "myna.toml").write_text("[consent]\nrequired = true\n")
    since_then = Store(home, settings=load(home))
    try:
        plan = lambda session: lives.kind(session, kind).plan(session, session.get_one(Job, job))  # noqa: E731
        with pytest.raises(NotNow, match="robin has no consent note"):
            since_then.read_now(plan)
        write(since_then, "robin", ANNAS)
        assert since_then.read_now(plan)
    finally:
        since_then.close()


def test_scoring_speaks_and_merging_borrows_no_note(strict: Store) -> None:
    furnished.give(strict, "wren", range(11, 16), held=1)
    write(strict, "wren", ANNAS)
    for spec in (pb.EvaluateSpec(voice="robin", version=1), pb.EvaluateSpec(voice="wren", against_voice="robin")):
        assert refused(strict, spec_of(spec)).sentence.startswith("robin has no consent note")
    into = pb.MergeRequest(voices=["robin"], into="wren")
    with pytest.raises(NotNow, match="robin has no consent note"):
        strict.read_now(merging.sources, into)
    assert strict.read_now(merging.sources, pb.MergeRequest(voices=["robin"], into="both"))
    write(strict, "robin", "Robin Berg")
    assert strict.read_now(merging.sources, into)
    assert "no version" in refused(strict, spec_of(pb.EvaluateSpec(voice="robin", version=1))).sentence
