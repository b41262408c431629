"""Datasets of several voices, merged into one."""

from __future__ import annotations

from typing import Any

import furnished
import pytest
from calls import Refused
from datasets_service import ask, service_of
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Recording, Voice
from daemon.home import journal
from daemon.state import recordings
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


@pytest.fixture
def two(daemon: Any) -> Any:
    """robin has 1–4 and holds out 2; wren has 3–7 and holds out 4."""
    furnished.give(daemon.store, "robin", range(1, 5), held=2)
    furnished.give(daemon.store, "wren", range(3, 8), held=4)
    return daemon


def merge(daemon: Any, *voices: str, into: str = "both") -> pb.MergeResponse:
    return ask(service_of(daemon).Merge, pb.MergeRequest(voices=voices, into=into))


def test_a_merged_voice_has_what_its_sources_have_each_once(two: Any) -> None:
    merged = merge(two, "robin", "wren")
    told = [(one.voice, one.number, one.recordings, one.known, one.clips, one.held_out) for one in merged.sources]
    assert told == [("robin", 1, 4, 0, 3, 1), ("wren", 1, 3, 2, 3, 0)]
    assert (merged.dataset.voice, merged.dataset.number, merged.dataset.clips, merged.dataset.held_out) == (
        "both", 1, 5, 2,
    )  # fmt: skip
    assert merged.dataset.sentence.startswith("Dataset #1: 5 clips to train on")
    assert two.inbox.voices == ["both"], "what follows is due"
    assert sum(voice == "both" for voice, _ in journal.read(two.home)) == 7


def test_what_any_source_holds_out_stays_held_out(two: Any) -> None:
    held = {
        sha256
        for voice in ("robin", "wren")
        for sha256, (_, is_held) in furnished.contents(two.store, voice).items()
        if is_held
    }
    merge(two, "robin", "wren")
    assert {sha256 for sha256, (_, is_held) in furnished.contents(two.store, "both").items() if is_held} == held
    furnished.give(two.store, "both", range(8, 16))
    assert {sha256 for sha256, (_, is_held) in furnished.contents(two.store, "both").items() if is_held} >= held


def test_what_one_holds_out_and_the_target_has_trained_on_does_neither(two: Any) -> None:
    merge(two, "robin", into="wren")  # wren has trained on 3 and holds out 4; robin holds out 2 and trained on 4
    now = furnished.contents(two.store, "wren")
    assert sorted(held for _, held in now.values()) == [*[False] * 5, True, True]
    merge(two, "wren", into="robin")  # robin has trained on 4, which wren holds out

    def dropped(session: Session) -> list[str]:
        query = select(Recording.name).join(Clip, Clip.recording == Recording.id)
        return list(session.scalars(query.where(Clip.voice == "robin", Clip.reason == "trained-before")))

    assert two.store.read_now(dropped) == ["d04.flac"]


def test_merging_again_changes_nothing_and_says_so(two: Any) -> None:
    merge(two, "robin", "wren")
    before = furnished.everything(two.store)
    merged = merge(two, "wren", "robin", "wren")
    assert furnished.everything(two.store) == before
    assert merged.dataset.sentence == "Nothing new: both has all of it already."
    assert [(one.recordings, one.clips, one.held_out, one.dropped) for one in merged.sources] == [(0, 0, 0, 0)] * 2


def test_sources_are_left_as_they_are(two: Any) -> None:
    before = furnished.contents(two.store, "robin")
    merge(two, "robin", "wren")
    assert furnished.contents(two.store, "robin") == before
    voice = two.store.read_now(lambda session: session.get_one(Voice, "both"))
    assert (voice.language, voice.engine) == ("en", "glow")


@pytest.mark.parametrize(
    ("voices", "into", "sentence"),
    [
        ([], "both", "0 voices were given"),
        (["robin"], "robin", "cannot be merged into itself"),
        (["robin", "nobody"], "both", "no voice named 'nobody'"),
        (["robin", "anna"], "both", "anna has no dataset yet"),
        (["robin"], "Two Birds", "cannot be the name of a voice"),
        (["robin"], "hans", "hans speaks de"),
    ],
)
def test_a_merge_that_cannot_be_is_refused_whole(two: Any, voices: list[str], into: str, sentence: str) -> None:
    two.store.write_now(lambda session: recordings.ensure_voice(session, "hans", "de", "xtts"))
    furnished.give(two.store, "hans", range(9, 10), engine="xtts")
    before = furnished.everything(two.store)
    with pytest.raises(Refused, match=sentence):
        merge(two, *voices, into=into)
    assert furnished.everything(two.store) == before
    assert not two.store.read_now(lambda session: session.get(Voice, "both"))
    assert two.inbox.voices == []


def test_what_is_merged_counts_on_the_disk_of_whoever_gets_it(two: Any) -> None:
    from dataclasses import replace

    from daemon.errors import QuotaReached
    from daemon.services import merging
    from daemon.state import accounts
    from daemon.state.quotas import Resource, Use

    size = two.store.read_now(accounts.disk_of, "robin")
    assert size > 0
    room = Use("bob", Resource.DISK, 100, 100 + size)

    def merge(session: Session, room: Use) -> None:
        merging.merge(session, "both", merging.sources(session, pb.MergeRequest(voices=["robin"], into="both")), room)

    with pytest.raises(QuotaReached, match="The voices of bob take 100 B"):
        two.store.write_now(merge, replace(room, allowed=room.allowed - 1))
    assert two.store.read_now(lambda session: session.get(Voice, "both")) is None, "all or nothing"
    two.store.write_now(merge, room)
    two.store.write_now(merge, replace(room, used=room.allowed + 1))  # nothing more, and nothing refused
