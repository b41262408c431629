"""The Voices and Speech services as a client meets them: pages, reports, samples, and what comes later."""

from __future__ import annotations

import asyncio
import math
import wave
from array import array
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import pytest
from calls import Call, Refused
from living_daemon import Living, lived
from sqlalchemy.orm import Session
from voice_rows import clip, folder, report, sha, version

from daemon.database.models import Evaluation, Job, Run, Version, Voice, now
from daemon.database.store import Store
from daemon.kinds.lifecycle import Lifecycle
from daemon.kinds.registry import Kinds
from daemon.services.speech import SpeechService
from daemon.services.voices import VoicesService
from daemon.settings import Settings
from daemon.state import jobs, verdict, voices
from daemon.state.values import Decision
from daemon.telemetry.meters import Meters
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


@pytest.fixture
def daemon(store: Store, tmp_path: Path) -> Any:
    return SimpleNamespace(home=tmp_path, store=store, settings=Settings())


def service_of(daemon: Any) -> VoicesService:
    hub: Any = None  # nobody watches here
    folders: Any = None  # see test_voice_life.py
    purging: Any = None  # see test_purge.py
    kinds = Kinds(daemon.home, daemon.settings)
    return VoicesService(daemon.home, daemon.settings, daemon.store, Lifecycle(kinds), hub, folders, purging)


def speech_of(daemon: Any) -> SpeechService:
    speech: Any = None  # nobody speaks here
    hub: Any = None  # nor watches
    return SpeechService(
        daemon.home, daemon.store, Lifecycle(Kinds(daemon.home, daemon.settings)), speech, hub, Meters()
    )


def ask(method: Any, request: object) -> Any:
    """The answer of a method, or all of a stream's."""

    async def call() -> Any:
        answer = method(request, Call())
        return [one async for one in answer] if hasattr(answer, "__aiter__") else await answer

    return asyncio.run(call())


def test_voices_come_in_pages_without_loss(daemon: Any) -> None:
    def given(session: Session) -> None:
        for name in ("bert", "cleo", "dora"):
            session.add(Voice(name=name, options={}, created=now()))

    daemon.store.write_now(given)
    service, found, token = service_of(daemon), [], ""
    while True:
        page = ask(service.List, pb.ListVoicesRequest(page=pb.Page(size=2, token=token)))
        found += [voice.name for voice in page.voices]
        if not (token := page.next_token):
            break
    assert found == ["anna", "bert", "cleo", "dora"]


def test_versions_come_newest_first_with_their_reports_when_asked(daemon: Any) -> None:
    def given(session: Session) -> None:
        for number in (1, 2, 3):
            (folder(daemon.home, version(session, number)) / "report.md").write_text(f"# anna v{number}\n")

    daemon.store.write_now(given)
    service = service_of(daemon)
    first = ask(service.Versions, pb.VersionsRequest(voice="anna", page=pb.Page(size=2)))
    rest = ask(
        service.Versions, pb.VersionsRequest(voice="anna", page=pb.Page(size=2, token=first.next_token), report=True)
    )
    assert [one.number for one in [*first.versions, *rest.versions]] == [3, 2, 1]
    assert (first.versions[0].report_md, rest.versions[0].report_md, rest.next_token) == ("", "# anna v1\n", "")
    one = ask(service.Versions, pb.VersionsRequest(voice="anna", number=2))
    assert [found.path for found in one.versions] == [str(daemon.home / "voices/anna/2")]


def test_ratings_come_in_pages_with_the_tally_of_all(daemon: Any) -> None:
    daemon.store.write_now(lambda session: [version(session, 1), version(session, 2)])
    service = service_of(daemon)
    given = [ask(service.Rate, pb.Rating(voice="anna", a=2, b=1, preferred=one)) for one in ("a", "b", "a")]
    assert [rating.preferred for rating in given] == ["a", "b", "a"]
    first = ask(service.Ratings, pb.RatingsRequest(voice="anna", a=1, b=2, page=pb.Page(size=2)))
    rest = ask(service.Ratings, pb.RatingsRequest(voice="anna", a=1, b=2, page=pb.Page(size=2, token=first.next_token)))
    assert [rating.preferred for rating in [*first.ratings, *rest.ratings]] == ["b", "a", "b"]
    assert (first.tally.a, first.tally.b, rest.tally.ratings, rest.next_token) == (1, 2, 3, "")
    ask(service.Unrate, pb.UnrateRequest(voice="anna", id=given[1].id))
    assert ask(service.Ratings, pb.RatingsRequest(voice="anna", a=1, b=2)).tally.ratings == 2
    with pytest.raises(Refused, match="no page token"):
        ask(service.Ratings, pb.RatingsRequest(voice="anna", a=1, b=2, page=pb.Page(token="²")))


def test_the_vote_that_decides_answers_with_what_became_of_the_version(daemon: Any) -> None:
    def given(session: Session) -> None:
        session.add(scoring := evaluation(version(session, 1)))
        scoring.report = {**report(["line"]), verdict.DECISION: Decision.UNDECIDED.value}
        verdict.put(voices.version(session, "anna", 1), Decision.UNDECIDED, "Undecided.")
        voices.get(session, "anna").options = {"auto_push": "s3://bucket/voices"}

    daemon.store.write_now(given)
    service, one = service_of(daemon), pb.Rating(voice="anna", a=0, b=1, preferred="b", text="Hello.", blind=True)
    (waits,) = ask(service.Undecided, pb.UndecidedRequest(voice="anna")).versions
    assert (waits.voice, waits.listening.version, waits.listening.more) == ("anna", 1, 8)
    *_, before, decisive = [ask(service.Rate, one) for _ in range(8)]
    assert (before.decision, decisive.decision) == (pb.DECISION_UNSPECIFIED, pb.DECISION_PREFERRED)
    tally = ask(service.Ratings, pb.RatingsRequest(voice="anna", a=0, b=1)).tally
    assert (tally.listening.wins, tally.listening.standing, tally.listening.sentence) == (
        8,
        pb.STANDING_PREFERRED,
        decisive.sentence,
    )
    assert ask(service.Get, pb.VoiceRequest(voice="anna")).promoted == 1
    assert not ask(service.Undecided, pb.UndecidedRequest()).versions
    pushed = daemon.store.read_now(lambda session: [job.title for job in session.query(Job).filter_by(kind="push")])
    assert pushed == ["push anna@1 to s3://bucket/voices"]
    assert "rollback" in ask(service.Unrate, pb.UnrateRequest(voice="anna", id=decisive.id)).sentence
    assert ask(service.Get, pb.VoiceRequest(voice="anna")).promoted == 1
    with pytest.raises(Refused, match="no voice named"):
        ask(service.Undecided, pb.UndecidedRequest(voice="nobody"))


def test_promoting_and_rolling_back_answer_with_what_speaks_now(daemon: Any) -> None:
    daemon.store.write_now(lambda session: [version(session, 1), version(session, 2)])
    service = service_of(daemon)
    ask(service.Promote, pb.VersionRequest(voice="anna", version=1))
    assert ask(service.Promote, pb.VersionRequest(voice="anna", version=2)).state == "promoted"
    assert ask(service.Rollback, pb.VoiceRequest(voice="anna")).number == 1
    base = ask(service.Rollback, pb.VoiceRequest(voice="anna"))
    assert (base.number, base.state) == (0, "base")
    with pytest.raises(Refused, match="base already") as refused:
        ask(service.Rollback, pb.VoiceRequest(voice="anna"))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert ask(service.Delete, pb.VersionRequest(voice="anna", version=1)).state == "archived"


def test_what_is_no_package_is_refused_before_there_is_a_job(daemon: Any) -> None:
    async def parts() -> AsyncIterator[pb.FilePart]:
        yield pb.FilePart(data=b"nothing of the kind")

    with pytest.raises(Refused, match="not compressed with Zstandard") as refused:
        ask(service_of(daemon).Import, parts())
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert daemon.store.read_now(lambda session: jobs.counts(session)).get("queued", 0) == 0


def test_an_export_of_nothing_or_in_no_format_is_refused_before_there_is_a_job(daemon: Any) -> None:
    daemon.store.write_now(lambda session: version(session, 1))
    export = service_of(daemon).Export
    with pytest.raises(Refused, match="no promoted version"):
        ask(export, pb.ExportRequest(voice="anna"))
    with pytest.raises(Refused, match="does not export 'zip'"):
        ask(export, pb.ExportRequest(voice="anna", version=1, format="zip"))
    daemon.store.write_now(lambda session: setattr(version(session, 2), "engine", "fish"))
    with pytest.raises(Refused, match="does not export 'gguf': no tool that is kept up makes GGUF of this model"):
        ask(export, pb.ExportRequest(voice="anna", version=2, format="gguf"))
    assert daemon.store.read_now(lambda session: jobs.counts(session)).get("queued", 0) == 0


def evaluation(row: Version) -> Evaluation:
    """A scoring of the version against the base."""
    return Evaluation(voice=row.voice, version=row.number, against=0, job=1, better=False, verdict="", time=now())


def wav(path: Path, seconds: float = 2.5) -> list[float]:
    """A tone; its samples, -1…1."""
    path.parent.mkdir(parents=True)
    samples = array("h", (round(12_000 * math.sin(i / 10)) for i in range(int(16_000 * seconds))))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return [value / 32768 for value in samples]


@pytest.mark.parametrize(
    ("asked", "where", "who"),
    [
        ({"version": 1}, "1", "anna@1"),
        ({"version": 0}, "base", "anna@base"),
        ({"version": 1, "recording": True}, "recordings", "the recording"),
    ],
)
def test_a_held_out_line_is_played_sample_for_sample(daemon: Any, asked: dict[str, Any], where: str, who: str) -> None:
    daemon.store.write_now(
        lambda session: [version(session, 1), clip(session, "held", "What was read.", held_out=True)]
    )
    samples = wav(daemon.home / "samples" / "anna" / where / f"{sha('held')}.wav")
    chunks = ask(speech_of(daemon).Sample, pb.SampleRequest(voice="anna", clip=sha("held"), **asked))
    assert array("f", b"".join(chunk.samples for chunk in chunks)).tolist() == pytest.approx(samples)
    assert (chunks[0].text, chunks[0].version, chunks[0].sample_rate) == ("What was read.", who, 16_000)
    assert [chunk.last for chunk in chunks] == [False, False, True]


def test_a_line_is_played_as_a_checkpoint_of_a_run_said_it(daemon: Any) -> None:
    file = f"runs/1/selection/samples/40/{sha('text')}.wav"

    def given(session: Session) -> int:
        run = session.get_one(Run, version(session, 1).run)
        run.result = {"selection": {"samples": [{"text": "What nobody said.", "files": {"40": file}}]}}
        return run.id

    run = daemon.store.write_now(given)
    samples = wav(daemon.home / file)
    service = speech_of(daemon)
    chunks = ask(service.Sample, pb.SampleRequest(run=run, step=40, clip=sha("text")))
    assert array("f", b"".join(chunk.samples for chunk in chunks)).tolist() == pytest.approx(samples)
    assert (chunks[0].text, chunks[0].version) == ("What nobody said.", f"step 40 of run #{run}")
    with pytest.raises(Refused, match="is not here"):
        ask(service.Sample, pb.SampleRequest(run=run, step=0, clip=sha("text")))


def test_two_voices_are_compared_and_two_languages_are_not(daemon: Any) -> None:
    def given(session: Session) -> None:
        for name, language in (("bob", "en"), ("ute", "de")):
            session.add(Voice(name=name, language=language, engine="glow", options={}, created=now()))
            session.flush()
            version(session, 1, voice=name)
        version(session, 1)

    daemon.store.write_now(given)
    service = service_of(daemon)
    told = ask(service.Compare, pb.CompareRequest(voice="anna", a=1, voice_b="bob", b=1))
    assert not told.ready
    assert "`myna compare anna@1 bob@1 --score`" in told.sentence
    with pytest.raises(Refused, match="speaks de"):
        ask(service.Compare, pb.CompareRequest(voice="anna", a=1, voice_b="ute", b=1))


@pytest.mark.parametrize(
    ("name", "text"), [(f"{sha('held')}.2", "What was read."), (f"{sha('text')}.1", "What nobody said.")]
)
def test_further_takes_and_texts_that_scoring_spoke_are_played(daemon: Any, name: str, text: str) -> None:
    def given(session: Session) -> None:
        clip(session, "held", "What was read.", held_out=True)
        session.add(scoring := evaluation(version(session, 1)))
        further = {"name": f"{sha('text')}.1", "text": "What nobody said.", "spoken": "", "spoken_by_parent": ""}
        scoring.report = {**report(["held"]), "further": [further]}

    daemon.store.write_now(given)
    samples = wav(daemon.home / "samples" / "anna" / "1" / f"{name}.wav")
    service = speech_of(daemon)
    chunks = ask(service.Sample, pb.SampleRequest(voice="anna", version=1, clip=name))
    assert array("f", b"".join(chunk.samples for chunk in chunks)).tolist() == pytest.approx(samples)
    assert chunks[0].text == text
    with pytest.raises(Refused, match="has not spoken this line yet"):
        ask(service.Sample, pb.SampleRequest(voice="anna", version=1, clip=name, recording=True))


def test_a_line_that_was_not_spoken_or_is_not_held_out_is_refused_with_a_sentence(daemon: Any) -> None:
    daemon.store.write_now(
        lambda session: [version(session, 1), clip(session, "held", held_out=True), clip(session, "trained")]
    )
    service = speech_of(daemon)
    with pytest.raises(Refused, match="anna@1 has not spoken this line yet"):
        ask(service.Sample, pb.SampleRequest(voice="anna", version=1, clip=sha("held")))
    for other in (sha("trained"), "../../../secrets", "", f"{sha('held')}.0", f"{sha('held')}.1/../x", f"{sha('x')}.1"):
        with pytest.raises(Refused, match="no held-out clip"):
            ask(service.Sample, pb.SampleRequest(voice="anna", version=1, clip=other, recording=True))


@pytest.mark.parametrize(("keep", "whole", "left"), [(False, True, 0), (True, True, 1), (False, False, 1)])
def test_an_export_that_was_sent_whole_leaves_no_second_copy(
    tmp_path: Path, keep: bool, whole: bool, left: int
) -> None:
    """Unless it is to be kept, or the caller has not all of it: then the next export of the same takes its place."""

    async def life(living: Living) -> None:
        home = living.daemon.home
        living.daemon.store.write_now(lambda session: folder(home, version(session, 1)))
        file = home / "exports" / "anna-1-coqui.tar"  # the strange worker writes none
        file.parent.mkdir()
        file.write_bytes(bytes(3_000_000))
        parts = living.client.export_voice("anna", 1, keep=keep)
        size = 0
        async for part in parts:
            size += len(part.data)
            if not whole and size:
                await parts.aclose()
                break
        assert size == 3_000_000 or not whole
        await living.client.info()
        assert len(list(file.parent.iterdir())) == left

    lived(tmp_path, life)
