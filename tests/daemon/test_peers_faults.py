"""What other tools get wrong with datasets, one test each: here it is not so.

Two more are tested where recordings are cut: the last sentence that ends without a full stop
(`tests/engines/cutting/test_clips.py`, `test_a_last_sentence_without_a_full_stop_is_kept`), and a clip that is too long
for the engine (there, `test_speech_without_a_pause_is_too_long`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from inbox_workshop import Workshop, write_wav
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import Clip, Dataset, DatasetClip
from daemon.database.store import Store
from daemon.state import datasets, recordings
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("first", ["a.wav", "a_2.wav"])
def test_a_file_whose_name_begins_another_ones_is_taken_too(alive: Callable[..., None], first: str) -> None:
    """Elsewhere files are passed over by the beginning of their name."""

    async def scenario(workshop: Workshop) -> None:
        (second,) = {"a.wav", "a_2.wav"} - {first}
        write_wav(workshop.anna / first, pitch=220.0)
        await workshop.all()
        write_wav(workshop.anna / second, pitch=330.0)
        await workshop.all()
        assert [one.name for one in workshop.recordings()] == ["a.wav", "a_2.wav"]
        assert workshop.left() == []

    alive(scenario)


def test_changed_sound_under_an_old_name_is_another_recording(alive: Callable[..., None]) -> None:
    """Elsewhere it is taken for the one that was cut and heard before."""

    async def scenario(workshop: Workshop) -> None:
        sounds = [write_wav(workshop.anna / "a.wav", pitch=220.0).read_bytes()]
        await workshop.all()
        sounds.append(write_wav(workshop.anna / "a.wav", pitch=330.0).read_bytes())
        await workshop.all()
        taken = workshop.recordings()
        assert [one.name for one in taken] == ["a.wav", "a.wav"]
        assert [one.cut for one in taken] == [None, None], "both wait to be cut"
        assert sorted((workshop.home / one.path).read_bytes() for one in taken) == sorted(sounds)

    alive(scenario)


def test_what_is_held_out_stays_so_and_never_trains_over_five_additions(store: Store) -> None:
    """Elsewhere the held-out set is drawn anew whenever recordings are added, from clips that have trained."""

    def add(session: Session, number: int) -> None:
        for part in range(6):
            name = f"{number}-{part}.wav"
            taken = wire.RecordingTaken(file=name.encode(), name=name, sha256=sha(name), path=name, seconds=4.0)
            row = recordings.take(session, "anna", taken)
            clip = wire.CutClip(
                end=4.0, kept=True, text=name, text_source="given", sha256=sha(f"clip {name}"), path=name
            )
            recordings.store_cut(session, "anna", wire.RecordingCut(recording=row.sha256, clips=[clip]))
        session.flush()
        assert datasets.build(session, "anna") is not None

    def sets(session: Session, *, held: bool) -> list[set[str]]:
        """Sounds, of each dataset in turn."""
        query = select(Dataset.number, Clip.sha256).join(DatasetClip, DatasetClip.dataset == Dataset.id)
        query = query.join(Clip, Clip.id == DatasetClip.clip).where(DatasetClip.held_out.is_(held))
        found: dict[int, set[str]] = {}
        for number, sha256 in session.execute(query.order_by(Dataset.number)):
            found.setdefault(number, set()).add(sha256)
        return list(found.values())

    for number in range(6):
        store.write_now(lambda session, number=number: add(session, number))
    held = store.read_now(lambda session: sets(session, held=True))
    trained = store.read_now(lambda session: sets(session, held=False))
    assert len(held) == len(trained) == 6
    assert all(before <= after for before, after in itertools.pairwise(held)), "none is let go"
    assert not set.union(*held) & set.union(*trained), "none of them ever trained, before or after"
    assert len(held[-1]) > len(held[0]), "additions bring held-out clips of their own"
