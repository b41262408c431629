"""The Datasets service as a client meets it: datasets and recordings, in pages."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from calls import Call, Refused
from datasets_service import ask, service_of
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, sha

from daemon.errors import NotNow
from daemon.state import datasets, recordings
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def test_datasets_come_newest_first_in_pages(daemon: Any) -> None:
    def given(session: Session) -> None:
        clips = [clip(session, f"c{n}") for n in range(3)]
        for number in range(1, 6):
            dataset(session, number, clips[:2], clips[2:])

    daemon.store.write_now(given)
    service, seen, token = service_of(daemon), [], ""
    while True:
        answer = ask(service.List, pb.ListDatasetsRequest(voice="anna", page=pb.Page(size=2, token=token)))
        seen += [row.number for row in answer.datasets]
        token = answer.next_token
        if not token:
            break
    assert seen == [5, 4, 3, 2, 1]
    assert ask(service.Get, pb.DatasetRequest(voice="anna")).number == 5
    assert ask(service.Get, pb.DatasetRequest(voice="anna", number=2)).held_out == 1


def test_a_dataset_that_is_not_there_is_a_sentence(daemon: Any) -> None:
    service = service_of(daemon)
    for request, word in (
        (pb.DatasetRequest(voice="anna"), "no dataset yet"),
        (pb.DatasetRequest(voice="anna", number=7), "no dataset #7"),
        (pb.DatasetRequest(voice="nobody"), "no voice"),
    ):
        with pytest.raises(Refused, match=word) as refused:
            ask(service.Get, request)
        assert refused.value.code == grpc.StatusCode.NOT_FOUND


def test_clips_of_a_dataset_have_the_text_they_had_then(daemon: Any) -> None:
    def given(session: Session) -> None:
        clips = [clip(session, f"c{n}", f"line {n}") for n in range(5)]
        dataset(session, 1, clips[:4], clips[4:])
        clips[0].text = "corrected"

    daemon.store.write_now(given)
    service, seen, token = service_of(daemon), [], ""
    while True:
        answer = ask(service.Clips, pb.ClipsRequest(voice="anna", number=1, page=pb.Page(size=2, token=token)))
        seen += [(row.text, row.held_out) for row in answer.clips]
        token = answer.next_token
        if not token:
            break
    assert seen == [("line 0", False), ("line 1", False), ("line 2", False), ("line 3", False), ("line 4", True)]
    (held,) = ask(service.Clips, pb.ClipsRequest(voice="anna", number=1, held_out_only=True)).clips
    assert (held.text, held.path) == ("line 4", str(daemon.home / "clips" / "c4.flac"))


def test_a_recording_taken_out_is_in_no_further_dataset_and_can_come_back(daemon: Any) -> None:
    def given(session: Session) -> None:
        clips = [clip(session, f"c{n}", f"line {n}") for n in range(3)]
        dataset(session, 1, clips[:2], clips[2:])

    daemon.store.write_now(given)
    service = service_of(daemon)
    listed = ask(service.Recordings, pb.ListRecordingsRequest(voice="anna")).recordings
    assert [(row.name, row.clips) for row in listed] == [("c0.wav", 1), ("c1.wav", 1), ("c2.wav", 1)]
    out = ask(service.Remove, pb.RecordingRequest(voice="anna", sha256=sha("recording c0")))
    assert out.HasField("removed")
    assert daemon.store.write_now(datasets.build, "anna").clips == 1
    assert [row.name for row in ask(service.Recordings, pb.ListRecordingsRequest(voice="anna")).recordings] == [
        "c1.wav",
        "c2.wav",
    ]
    every = ask(service.Recordings, pb.ListRecordingsRequest(voice="anna", removed=True)).recordings
    assert [row.HasField("removed") for row in every] == [True, False, False]
    back = ask(service.Restore, pb.RecordingRequest(voice="anna", sha256=sha("recording c0")))
    assert not back.HasField("removed")
    assert daemon.store.write_now(datasets.build, "anna").clips == 2
    assert daemon.inbox.voices == ["anna", "anna"], "a new dataset is due after both"
    with pytest.raises(Refused, match="has no recording"):
        ask(service.Remove, pb.RecordingRequest(voice="anna", sha256="x"))


def test_a_change_taken_back_in_the_same_transaction_harms_no_other(daemon: Any) -> None:
    """Writes that queue up are one transaction; one that is refused makes the rows that it had changed unreadable."""
    daemon.store.write_now(lambda session: clip(session, "c0"))
    service, held = service_of(daemon), threading.Event()

    def wait(session: Session) -> None:
        assert held.wait(30)

    def refuse(session: Session) -> None:
        recordings.get(session, "anna", sha("recording c0")).name = "other.wav"
        session.flush()
        raise NotNow("Not now.")

    async def scenario() -> pb.Recording:
        first = asyncio.create_task(daemon.store.write(wait))
        await asyncio.sleep(0)  # it is with the writer; what follows is the next batch
        request = pb.RecordingRequest(voice="anna", sha256=sha("recording c0"))
        removed = asyncio.create_task(service.Remove(request, Call()))
        refused = asyncio.create_task(daemon.store.write(refuse))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        held.set()
        await first
        with pytest.raises(NotNow):
            await refused
        return await removed

    answer = asyncio.run(scenario())
    assert (answer.name, answer.HasField("removed")) == ("c0.wav", True)


def test_what_was_measured_of_a_recording_is_that_of_all_its_clips(daemon: Any) -> None:
    """By their lengths, whether they are kept or not; not of those that a later cut put others in the place of."""

    def given(session: Session) -> None:
        whole = wire.RecordingTaken(file=b"a.wav", name="a.wav", sha256=sha("a"), path="a.wav", seconds=8.0)
        row = recordings.take(session, "anna", whole)
        for parts in ([(0.0, 8.0, 3.0, 0.1)], [(0.0, 6.0, 40.0, 0.5), (6.0, 8.0, 20.0, 0.9)]):
            clips = [
                wire.CutClip(start=a, end=b, sha256=sha(f"{a}{b}"), quality={"snr_db": snr, "peak": peak}, kept=a == 0)
                for a, b, snr, peak in parts
            ]
            recordings.store_cut(session, "anna", wire.RecordingCut(recording=row.sha256, clips=clips))
            session.flush()
        never = wire.RecordingTaken(file=b"b.wav", name="b.wav", sha256=sha("b"), path="b.wav", seconds=8.0)
        recordings.take(session, "anna", never)

    daemon.store.write_now(given)
    cut, uncut = ask(service_of(daemon).Recordings, pb.ListRecordingsRequest(voice="anna")).recordings
    assert dict(cut.quality) == {"snr_db": pytest.approx(35.0), "peak": pytest.approx(0.9)}
    assert not uncut.quality


def test_recordings_come_in_pages(daemon: Any) -> None:
    daemon.store.write_now(lambda session: [clip(session, f"c{n}") for n in range(5)])
    service, seen, token = service_of(daemon), [], ""
    while True:
        answer = ask(service.Recordings, pb.ListRecordingsRequest(voice="anna", page=pb.Page(size=2, token=token)))
        seen += [row.name for row in answer.recordings]
        token = answer.next_token
        if not token:
            break
    assert seen == [f"c{n}.wav" for n in range(5)]


def test_what_is_no_package_is_refused_before_there_is_a_job(daemon: Any) -> None:
    async def parts(*contents: bytes) -> AsyncIterator[pb.FilePart]:
        for content in contents:
            yield pb.FilePart(data=content)

    service = service_of(daemon)
    for contents, sentence in (((), "No package was sent"), ((b"RI", b"FF"), "not compressed")):
        with pytest.raises(Refused, match=sentence) as refused:
            ask(service.Import, parts(*contents))
        assert refused.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert not [path for path in (daemon.home / "imports").rglob("*") if path.is_file()]


def test_what_a_dataset_says_and_what_to_read_next(daemon: Any) -> None:
    def given(session: Session) -> None:
        clips = [clip(session, "c0", "The small boat."), clip(session, "c1", "A beige vase.")]
        dataset(session, 1, clips[:1], clips[1:])

    daemon.store.write_now(given)
    answer = ask(service_of(daemon).Wanted, pb.WantedRequest(voice="anna", sentences=3))
    assert (answer.number, answer.unit) == (1, pb.PHONEMES)
    assert {one.sound: one.count for one in answer.training.sounds}["b"] == 1
    assert "ʒ" in answer.training.missing  # it is held out, and so never learnt
    assert "ʒ" not in answer.held_out.missing
    assert answer.training.words == 3
    assert len(answer.sentences) == 3
    assert answer.sentences[0].sounds


def test_of_a_voice_without_a_dataset_nothing_is_wanted_yet(daemon: Any) -> None:
    with pytest.raises(Refused, match="no dataset yet"):
        ask(service_of(daemon).Wanted, pb.WantedRequest(voice="anna"))
