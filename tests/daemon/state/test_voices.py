"""Which version of a voice speaks, and how that changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, folder, version

from daemon.database.models import EventRow, Promotion, Run, Version, Voice, now
from daemon.database.store import Store
from daemon.errors import NotFound, NotNow
from daemon.home import identity
from daemon.settings import Settings
from daemon.state import verdict, voices
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


@pytest.fixture
def three(store: Store) -> Store:
    """anna has versions 1, 2, 3, promoted one after the other."""

    def given(session: Session) -> None:
        for number in (1, 2, 3):
            version(session, number, parent=number - 1)
            voices.promote(session, "anna", number, voices.BY_SCORE)

    store.write_now(given)
    return store


def states(session: Session) -> dict[int, str]:
    return dict(session.execute(select(Version.number, Version.state)).tuples().all())


def test_one_version_is_promoted_and_the_ones_before_are_archived(three: Store) -> None:
    assert three.read_now(states) == {1: "archived", 2: "archived", 3: "promoted"}
    assert three.read_now(lambda session: voices.get(session, "anna").promoted) == 3


def test_rolling_back_goes_to_the_version_promoted_before_and_then_further_to_the_base(three: Store) -> None:
    def back(session: Session) -> int:
        row = voices.rollback(session, "anna")
        return 0 if row is None else row.number

    assert [three.write_now(back) for _ in range(3)] == [2, 1, 0]
    assert three.read_now(states) == {1: "rejected", 2: "rejected", 3: "rejected"}
    with pytest.raises(NotNow, match="base already"):
        three.write_now(back)


def test_rolling_back_after_promoting_an_old_version_returns_to_the_one_it_replaced(three: Store) -> None:
    three.write_now(lambda session: voices.promote(session, "anna", 1, voices.BY_PERSON))
    three.write_now(lambda session: voices.rollback(session, "anna"))
    assert three.read_now(lambda session: voices.get(session, "anna").promoted) == 3


def test_every_change_of_the_promoted_version_is_kept_with_who_made_it(three: Store) -> None:
    three.write_now(lambda session: voices.rollback(session, "anna"))

    def history(session: Session) -> list[tuple[int | None, int | None, str]]:
        rows = session.execute(select(Promotion.version, Promotion.previous, Promotion.by).order_by(Promotion.id))
        return [tuple(row) for row in rows]  # type: ignore[misc]

    assert three.read_now(history) == [(1, None, "score"), (2, 1, "score"), (3, 2, "score"), (2, 3, "rollback")]


def test_the_promoted_version_cannot_be_archived_and_others_can(three: Store) -> None:
    with pytest.raises(NotNow, match="anna@3 is promoted"):
        three.write_now(lambda session: voices.archive(session, "anna", 3))
    three.write_now(lambda session: version(session, 4))
    three.write_now(lambda session: voices.archive(session, "anna", 4))
    assert three.read_now(states)[4] == "archived"


def test_promoting_what_speaks_already_changes_nothing(three: Store) -> None:
    assert three.write_now(lambda session: voices.promote(session, "anna", 3, voices.BY_PERSON)).number == 3
    assert three.write_now(lambda session: voices.rollback(session, "anna").number) == 2  # type: ignore[union-attr]


def test_a_verdict_says_what_a_person_last_made_of_a_version(three: Store) -> None:
    three.write_now(lambda session: setattr(voices.version(session, "anna", 1), "verdict", "Not promoted: it mumbles."))

    def back_and_forth(session: Session) -> list[str]:
        said = []
        for _ in range(2):
            said.append(verdict.whole(voices.promote(session, "anna", 1, voices.BY_PERSON)))
            voices.rollback(session, "anna")
            said.append(verdict.whole(voices.version(session, "anna", 1)))
        return said

    promoted, back = (
        "Not promoted: it mumbles. Promoted by a person.",
        "Not promoted: it mumbles. Rolled back by a person.",
    )
    assert three.write_now(back_and_forth) == [promoted, back] * 2


def test_what_a_person_made_of_a_version_leaves_the_words_of_its_verdict_alone(three: Store) -> None:
    """Also where those end as our own sentence does: no code reads prose."""
    three.write_now(
        lambda session: setattr(voices.version(session, "anna", 1), "verdict", "As of old. Promoted by a person.")
    )

    def act(session: Session) -> pb.Version:
        voices.promote(session, "anna", 1, voices.BY_PERSON)
        voices.rollback(session, "anna")
        return voices.version_message(voices.version(session, "anna", 1))

    told = three.write_now(act)
    assert told.verdict == "As of old. Promoted by a person. Rolled back by a person."
    assert (told.by_hand, told.state_value, told.kind_value) == (
        pb.BY_HAND_ROLLED_BACK,
        pb.VERSION_REJECTED,
        pb.VERSION_FULL,
    )


def test_a_version_or_voice_that_is_not_there_is_named_with_those_there_are(three: Store) -> None:
    with pytest.raises(NotFound, match="no version 9"):
        three.write_now(lambda session: voices.promote(session, "anna", 9, voices.BY_PERSON))
    with pytest.raises(NotFound, match="There are: anna"):
        three.read_now(lambda session: voices.get(session, "bert"))


def test_watchers_hear_of_both_versions_and_the_voice(three: Store) -> None:
    def told(session: Session) -> list[str]:
        rows = session.scalars(select(EventRow).order_by(EventRow.cursor.desc()).limit(4)).all()
        events = [pb.Event.FromString(row.payload) for row in reversed(rows)]
        return [
            f"v{e.version.number} {e.version.state}"
            if e.HasField("version")
            else f"voice {e.voice.promoted}"
            if e.HasField("voice")
            else f"v{e.occasion.version} after v{e.occasion.before}"
            for e in events
        ]

    assert three.read_now(told) == ["v2 archived", "v3 promoted", "voice 3", "v3 after v2"]


def test_a_voice_says_what_happens_next(store: Store) -> None:
    def says(session: Session) -> str:
        return voices.message(session, voices.get(session, "anna")).next

    assert store.read_now(says) == "waits for recordings in inbox/anna/"
    store.write_now(lambda session: dataset(session, 1, [clip(session, f"c{i}") for i in range(4)], []))
    assert store.read_now(says) == "needs 14 s more audio to train"
    store.write_now(lambda session: dataset(session, 2, [clip(session, f"d{i}") for i in range(8)], []))
    assert store.read_now(says) == "can be trained: `myna train anna`"
    store.write_now(lambda session: version(session, 1, data=2))
    assert store.read_now(says) == "needs 30 s of new audio until the next training"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (Settings(auto_train_min_seconds=600.0), "needs 584 s more audio to train"),
        (
            Settings(auto_train=False, auto_train_min_seconds=600.0),
            "needs 4 s more audio to train",
        ),  # what its engine needs
    ],
)
def test_what_watchers_hear_of_the_next_step_follows_the_settings(
    tmp_path: Path, settings: Settings, says: str
) -> None:
    store = Store(tmp_path, settings=settings)
    try:
        store.write_now(
            lambda session: session.add(Voice(name="anna", language="en", engine="glow", options={}, created=now()))
        )
        store.write_now(lambda session: dataset(session, 1, [clip(session, f"c{i}") for i in range(4)], []))
        store.write_now(lambda session: voices.emit_voice(session, voices.get(session, "anna")))
        told = store.read_now(
            lambda session: session.scalars(select(EventRow).order_by(EventRow.cursor.desc())).first()
        )
        assert told is not None
        assert pb.Event.FromString(told.payload).voice.next == says
    finally:
        store.close()


def test_a_voice_counts_what_it_has(store: Store) -> None:
    def given(session: Session) -> None:
        held = clip(session, "held", held_out=True, seconds=3.0)
        dataset(session, 1, [clip(session, "c", seconds=5.0)], [held])
        session.get_one(Voice, "anna")

    store.write_now(given)
    told = store.read_now(lambda session: voices.message(session, voices.get(session, "anna")))
    assert (told.recordings, told.recorded_seconds, told.kept_seconds, told.newest_dataset) == (2, 8.0, 8.0, 1)


def test_a_folder_that_another_run_made_is_not_read_for_a_version(store: Store, tmp_path: Path) -> None:
    def made(session: Session) -> Version:
        return version(session, 1)

    row = store.write_now(made)
    place = folder(tmp_path, row)
    assert store.read_now(voices.folder, row, tmp_path) == place, "from before there were marks"
    identity.write(place, identity.Mark("home", store.read_now(lambda session: session.get_one(Run, row.run).uuid)))
    assert store.read_now(voices.folder, row, tmp_path) == place
    identity.write(place, identity.Mark("another home", "another run"))
    with pytest.raises(NotNow, match="is not anna@1"):
        store.read_now(voices.folder, row, tmp_path)
