"""The client for asyncio, and by `proto.check --write` the blocking one of `client_sync.py` too: both are written here,
once.

Lists and streams are async iterators. What holds of both clients is said at `proto.client`.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from proto.channel import (
    DEADLINE,
    PATIENCE,
    RETRY,
    Address,
    ClientError,
    address,
    credentials,
    gone,
    lost,
    options,
    translate,
)
from proto.messages import ENDED, Spec, reorder_request, spec_of, state_of, train_spec, upload_parts
from proto.token import ON_BEHALF

T = TypeVar("T")

#: seconds in which a service that a test message is sent to has answered, or will not
TEST_DEADLINE = 150.0


def connect_async(
    host: str | None = None,
    home: Path | str | None = None,
    token: str | None = None,
    *,
    tls_ca: Path | str | None = None,
    tls_cert: Path | str | None = None,
    tls_key: Path | str | None = None,
    tls_name: str | None = None,
) -> AsyncClient:
    """A client of the daemon of `home` (default MYNA_HOME), or of the one at `host` ("box:7777"), over TLS with a
    token.

    Nothing is sent yet: whether a daemon is there shows at the first request. Raises ClientError for an address that
    cannot be meant.
    """
    return AsyncClient(address(host, home, token, tls_ca, tls_cert, tls_key, tls_name))


class AsyncClient:
    """One method an RPC. Close it, or use it in a `with`."""

    def __init__(self, where: Address) -> None:
        self.address = where
        trust, chosen = credentials(where), options(where)
        self.channel = (
            grpc.aio.secure_channel(where.target, trust, chosen)
            if trust
            else grpc.aio.insecure_channel(where.target, chosen)
        )
        self._jobs = stubs.JobsStub(self.channel)
        self._runs = stubs.RunsStub(self.channel)
        self._voices = stubs.VoicesStub(self.channel)
        self._datasets = stubs.DatasetsStub(self.channel)
        self._experiments = stubs.ExperimentsStub(self.channel)
        self._speech = stubs.SpeechStub(self.channel)
        self._system = stubs.SystemStub(self.channel)
        self._people = stubs.PeopleStub(self.channel)
        self._upkeep = stubs.UpkeepStub(self.channel)
        self._notices = stubs.NoticesStub(self.channel)
        self._costs = stubs.CostsStub(self.channel)
        self._metadata: tuple[tuple[str, str], ...] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def bearing(self, token: str) -> Self:
        """The same connection, asking for the person whose token this is: for a door that serves many. Close the
        client that it is of."""
        other = copy.copy(self)
        other._metadata = ((ON_BEHALF, token),)
        return other

    async def close(self) -> None:
        await self.channel.close()

    # ------------------------------------------------------------------------------------------------------------ jobs

    async def submit(self, spec: Spec, *, key: str = "", priority: int = 0) -> pb.Job:
        """Queue a job (a JobSpec, or one of its kinds). The same `key` twice is one job."""
        return await self._ask(
            self._jobs.Submit, pb.SubmitRequest(spec=spec_of(spec), idempotency_key=key, priority=priority)
        )

    async def train(self, voice: str, *, dataset: int = 0, start: str = "", key: str = "", **choices: Any) -> pb.Job:
        """Queue a training; `start` is "base", a version number or empty (the promoted one); `choices` are fields of
        TrainOptions."""
        return await self.submit(train_spec(voice, dataset, start, **choices), key=key)

    async def job(self, number: int) -> pb.Job:
        return await self._ask(self._jobs.Get, pb.JobRequest(id=number))

    def jobs(
        self, *, voice: str = "", states: Iterable[str] = (), kinds: Iterable[pb.JobKind.ValueType] = (), limit: int = 0
    ) -> AsyncIterator[pb.Job]:
        """Jobs, newest first; all of them when `limit` is 0."""
        request = pb.ListJobsRequest(voice=voice, states=states, kinds=kinds)
        return self._pages(self._jobs.List, request, lambda page: page.jobs, limit)

    async def cancel(self, number: int) -> pb.Job:
        return await self._ask(self._jobs.Cancel, pb.JobRequest(id=number))

    async def pause(self, number: int) -> pb.Job:
        return await self._ask(self._jobs.Pause, pb.JobRequest(id=number))

    async def resume(self, number: int) -> pb.Job:
        return await self._ask(self._jobs.Resume, pb.JobRequest(id=number))

    async def retry(self, number: int) -> pb.Job:
        return await self._ask(self._jobs.Retry, pb.JobRequest(id=number))

    async def reorder(self, number: int, *, before: int = 0, last: bool = False) -> pb.Job:
        """Move a waiting job before another, to the end, or (neither given) to the front of its priority."""
        request = reorder_request(number, before, last)
        return await self._ask(self._jobs.Reorder, request)

    async def clear(self, numbers: Iterable[int] = (), *, states: Iterable[str] = ()) -> int:
        """Clear jobs that have ended out of lists: these, or all (of those states). Returns how many."""
        return (await self._ask(self._jobs.Clear, pb.ClearJobsRequest(ids=numbers, states=states))).cleared

    async def logs(
        self, number: int, *, follow: bool = False, tail: int = 0, after: int = 0, patience: float = PATIENCE
    ) -> AsyncIterator[pb.LogLine]:
        """Log lines of all attempts, those after the cursor `after`; with `follow`, until the job ends (a restart of
        the daemon loses and repeats none)."""
        if follow:
            await self.wait_ready(0.0)
        while True:
            try:
                async for line in self._stream(
                    self._jobs.Logs, pb.LogsRequest(id=number, follow=follow, tail=tail, after=after)
                ):
                    after, tail = line.cursor, 0
                    yield line
                return
            except ClientError as error:
                if not follow or error.code not in ("UNAVAILABLE", "CANCELLED"):
                    raise
            await self._back(patience)

    async def watch(
        self, after: int | None = None, *, voice: str = "", progress: bool = False, patience: float = PATIENCE
    ) -> AsyncIterator[pb.Event]:
        """Every event after the cursor `after` (None: from now; 0: from the oldest kept), once each, without end.

        When the daemon goes away the watch waits up to `patience` seconds for it and goes on after the last event it
        gave. With `progress`, running jobs' progress comes too, as events with cursor 0. Raises ClientError
        OUT_OF_RANGE when events after the cursor are no longer kept: list again, and watch from now.
        """
        now = (
            await self.info()
        )  # asked first: raises when there is no daemon, and an event during a restart is not lost
        cursor = now.cursor if after is None else after
        while True:
            async for event in self._until_lost(
                self._jobs.Watch, pb.WatchRequest(after=cursor, voice=voice, progress=progress)
            ):
                cursor = max(cursor, event.cursor)
                yield event
            await self._back(patience)

    async def follow(self, number: int, *, patience: float = PATIENCE) -> AsyncIterator[pb.Job]:
        """The job now and after each change or progress, until it has ended."""
        now = await self.info()
        job = await self.job(number)
        yield job
        if state_of(job) in ENDED:
            return
        async for event in self.watch(now.cursor, voice=job.voice, progress=True, patience=patience):
            if event.HasField("job") and event.job.id == number:
                yield event.job
                if state_of(event.job) in ENDED:
                    return

    async def wait(self, number: int, *, patience: float = PATIENCE) -> pb.Job:
        """The job when it has ended, however it ended."""
        async for job in self.follow(number, patience=patience):
            last = job
        return last

    # ------------------------------------------------------------------------------------------------------------ runs

    async def run(self, number: int) -> pb.Run:
        return await self._ask(self._runs.Get, pb.RunRequest(id=number))

    async def checkpoints(self, run: int) -> pb.CheckpointsResponse:
        """How the checkpoints of a run sounded, or why they were not heard."""
        return await self._ask(self._runs.Checkpoints, pb.RunRequest(id=run))

    def runs(self, *, voice: str = "", limit: int = 0) -> AsyncIterator[pb.Run]:
        return self._pages(self._runs.List, pb.ListRunsRequest(voice=voice), lambda page: page.runs, limit)

    async def points(
        self, run: int, names: Iterable[str] = (), *, first: int = 0, last: int = 0, buckets: int = 0
    ) -> list[pb.Series]:
        """Metric points from step `first` to `last` (0: the end), reduced to min and max of each of `buckets` (0: every
        point). `watch_points` from a series' cursor goes on where they end."""
        request = pb.PointsRequest(run=run, names=names, from_step=first, to_step=last, max_buckets=buckets)
        answer = await self._ask(self._runs.Points, request)
        return list(answer.series)

    async def watch_points(
        self, run: int, names: Iterable[str] = (), *, after: int = 0, patience: float = PATIENCE
    ) -> AsyncIterator[pb.PointBatch]:
        """Batches of points after the cursor, until the run has ended. Resumes like `watch`."""
        wanted = list(names)
        await self.wait_ready(0.0)
        while True:
            async for batch in self._until_lost(
                self._runs.WatchPoints, pb.WatchPointsRequest(run=run, after=after, names=wanted)
            ):
                after = max(after, batch.cursor)
                yield batch
                if batch.ended:
                    return
            await self._back(patience)

    # ----------------------------------------------------------------------------------------------------------- voices

    async def voice(self, name: str) -> pb.Voice:
        return await self._ask(self._voices.Get, pb.VoiceRequest(voice=name))

    def voices(self, *, deleted: bool = False) -> AsyncIterator[pb.Voice]:
        return self._pages(self._voices.List, pb.ListVoicesRequest(deleted=deleted), lambda page: page.voices)

    async def create_voice(
        self, name: str, language: str = "", engine: str = "", consent: str = ""
    ) -> pb.CreateVoiceResponse:
        """A voice before there is a recording of it, and what there is for its language."""
        request = pb.CreateVoiceRequest(name=name, language=language, engine=engine, consent=consent)
        return await self._ask(self._voices.Create, request)

    async def delete_voice(self, name: str) -> pb.Voice:
        return await self._ask(self._voices.DeleteVoice, pb.VoiceRequest(voice=name))

    async def restore_voice(self, name: str) -> pb.Voice:
        return await self._ask(self._voices.RestoreVoice, pb.VoiceRequest(voice=name))

    async def rename_voice(self, name: str, new: str) -> pb.Voice:
        return await self._ask(self._voices.RenameVoice, pb.RenameVoiceRequest(voice=name, name=new))

    async def set_consent(self, voice: str, text: str) -> pb.ConsentNote:
        """Write whose voice it is and why it may be used; also before there is a recording of it."""
        return await self._ask(self._voices.SetConsent, pb.SetConsentRequest(voice=voice, text=text))

    async def consent_notes(self, voice: str) -> pb.ConsentNotesResponse:
        """All consent notes of a voice, newest first, and whether a person should be asked for one."""
        return await self._ask(self._voices.ConsentNotes, pb.VoiceRequest(voice=voice))

    def versions(self, voice: str, *, report: bool = False) -> AsyncIterator[pb.Version]:
        return self._pages(
            self._voices.Versions, pb.VersionsRequest(voice=voice, report=report), lambda page: page.versions
        )

    async def version(self, voice: str, number: int, *, report: bool = False) -> pb.Version:
        """One version. Raises ClientError NOT_FOUND."""
        request = pb.VersionsRequest(voice=voice, number=number, report=report)
        answer = await self._ask(self._voices.Versions, request)
        for version in answer.versions:
            return version
        raise ClientError(f"{voice} has no version {number}.", f"`myna versions {voice}` lists them.", "NOT_FOUND")

    async def promote(self, voice: str, version: int) -> pb.Version:
        return await self._ask(self._voices.Promote, pb.VersionRequest(voice=voice, version=version))

    async def rollback(self, voice: str) -> pb.Version:
        return await self._ask(self._voices.Rollback, pb.VoiceRequest(voice=voice))

    async def archive(self, voice: str, version: int) -> pb.Version:
        """Take a version out of use (Voices.Delete); its files are kept."""
        return await self._ask(self._voices.Delete, pb.VersionRequest(voice=voice, version=version))

    async def purge(
        self,
        voice: str = "",
        versions: Iterable[int] = (),
        *,
        states: Iterable[str] = (),
        exports: bool = False,
        dry_run: bool = False,
    ) -> pb.PurgeResponse:
        """Delete the weights of versions that are archived or rejected (these, or all in `states`), or with `exports`
        packages; what is known of the versions is kept. `dry_run`: only tell how many bytes that would free."""
        request = pb.PurgeRequest(voice=voice, versions=versions, states=states, exports=exports, dry_run=dry_run)
        return await self._ask(self._voices.Purge, request, None)

    async def compare(self, voice: str, a: int, b: int, *, voice_b: str = "") -> pb.CompareResponse:
        """Two versions (0: the base), the second one of `voice_b` if that is another voice."""
        return await self._ask(self._voices.Compare, pb.CompareRequest(voice=voice, a=a, b=b, voice_b=voice_b))

    async def rate(self, rating: pb.Rating) -> pb.Rating:
        """Record what a person thought of two versions. Its id is in the answer."""
        return await self._ask(self._voices.Rate, rating)

    async def unrate(self, voice: str, rating: int) -> pb.Rating:
        """Take a rating back."""
        return await self._ask(self._voices.Unrate, pb.UnrateRequest(voice=voice, id=rating))

    async def ratings(self, voice: str, a: int, b: int, *, limit: int = 0) -> pb.RatingsResponse:
        """The newest ratings of two versions (0: the base), and the tally of all."""
        return await self._ask(self._voices.Ratings, pb.RatingsRequest(voice=voice, a=a, b=b, page=pb.Page(size=limit)))

    async def undecided(self, voice: str = "") -> pb.UndecidedResponse:
        """Versions of a voice, or of all, that wait for blind votes to decide, and the lines that both sides spoke."""
        return await self._ask(self._voices.Undecided, pb.UndecidedRequest(voice=voice))

    def export_voice(
        self, voice: str, version: int = 0, format: str = "", *, keep: bool = False
    ) -> AsyncIterator[pb.FilePart]:
        """A version (0: the promoted one) in a format of its engine, or as "myna", a package for another Myna."""
        request = pb.ExportRequest(voice=voice, version=version, format=format, keep=keep)
        return self._stream(self._voices.Export, request)

    async def import_voice(self, parts: Iterable[pb.FilePart]) -> pb.Voice:
        """As `import_dataset`, for a package of either kind; answers with the voice that got it."""
        return await self._ask(self._voices.Import, iter(parts), None)

    # --------------------------------------------------------------------------------------------------------- datasets

    async def dataset(self, voice: str, number: int = 0) -> pb.Dataset:
        """Dataset `number` of the voice, 0 for the newest."""
        return await self._ask(self._datasets.Get, pb.DatasetRequest(voice=voice, number=number))

    def datasets(self, voice: str) -> AsyncIterator[pb.Dataset]:
        return self._pages(self._datasets.List, pb.ListDatasetsRequest(voice=voice), lambda page: page.datasets)

    async def wanted(self, voice: str, number: int = 0, sentences: int = 0) -> pb.WantedReply:
        """Which sounds a voice has said in a dataset (0: the newest), and sentences to read next (0: ten)."""
        return await self._ask(self._datasets.Wanted, pb.WantedRequest(voice=voice, number=number, sentences=sentences))

    def clips(
        self, voice: str, number: int = 0, *, dropped: bool = False, held_out: bool = False, limit: int = 0
    ) -> AsyncIterator[pb.Clip]:
        """Clips of a dataset (0: all of the voice); with `dropped` also those that were left out."""
        request = pb.ClipsRequest(voice=voice, number=number, dropped=dropped, held_out_only=held_out)
        return self._pages(self._datasets.Clips, request, lambda page: page.clips, limit)

    async def review(self, voice: str, *, limit: int = 1000) -> pb.ReviewResponse:
        """Clips that may be wrong and that no person has decided, the most doubtful first, with why; at most so many,
        and how many there are."""
        request = pb.ReviewRequest(voice=voice, page=pb.Page(size=limit))
        return await self._ask(self._datasets.Review, request)

    async def set_clip(self, voice: str, sha256: str, *, text: str | None = None, kept: bool | None = None) -> pb.Clip:
        return await self._ask(
            self._datasets.SetClip, pb.SetClipRequest(voice=voice, sha256=sha256, text=text, kept=kept)
        )

    async def accept_clip(self, voice: str, sha256: str) -> pb.Clip:
        """Say that a clip is right as it is: it need not be reviewed any more."""
        return await self._ask(self._datasets.SetClip, pb.SetClipRequest(voice=voice, sha256=sha256, accept=True))

    async def undo_clip(self, voice: str, before: pb.Clip) -> pb.Clip:
        """Take back what a person changed of a clip: `before` is the clip as it was."""
        return await self._ask(
            self._datasets.SetClip, pb.SetClipRequest(voice=voice, sha256=before.sha256, undo=before)
        )

    async def calibrate(self, voice: str, limits: Mapping[str, str] | None = None) -> pb.Calibration:
        """What limits drop of a voice's clips, before anything is dropped: its own, or with these instead."""
        return await self._ask(self._datasets.Calibrate, pb.CalibrateRequest(voice=voice, limits=limits or {}))

    async def speakers(self, voice: str) -> pb.SpeakersReply:
        """Who speaks in a voice's recordings, its own speaker first."""
        return await self._ask(self._datasets.Speakers, pb.SpeakersRequest(voice=voice))

    async def choose_speaker(self, voice: str, sha256: str) -> pb.SpeakersReply:
        """Say whose voice it is: the speaker of this clip (empty: that is told from the recordings again)."""
        return await self._ask(self._datasets.ChooseSpeaker, pb.ChooseSpeakerRequest(voice=voice, sha256=sha256))

    def clip_file(self, voice: str, sha256: str) -> AsyncIterator[pb.FilePart]:
        """A clip's sound: the parts of a FLAC file."""
        return self._stream(self._datasets.ClipFile, pb.ClipRequest(voice=voice, sha256=sha256))

    def recordings(self, voice: str, *, removed: bool = False) -> AsyncIterator[pb.Recording]:
        """What people gave; with `removed` also what was taken out again."""
        return self._pages(
            self._datasets.Recordings,
            pb.ListRecordingsRequest(voice=voice, removed=removed),
            lambda page: page.recordings,
        )

    async def remove_recording(self, voice: str, sha256: str) -> pb.Recording:
        """Take a recording out of further datasets. Nothing is deleted: `restore_recording` brings it back."""
        return await self._ask(self._datasets.Remove, pb.RecordingRequest(voice=voice, sha256=sha256))

    async def restore_recording(self, voice: str, sha256: str) -> pb.Recording:
        return await self._ask(self._datasets.Restore, pb.RecordingRequest(voice=voice, sha256=sha256))

    async def upload(self, voice: str, files: Iterable[tuple[str, Path]]) -> list[str]:
        """Send (name, path) pairs into the voice's inbox; only whole files arrive there. The names they got."""
        answer = await self._ask(self._datasets.Upload, upload_parts(voice, files), None)
        return list(answer.names)

    def export_dataset(
        self, voice: str, number: int = 0, format: str = "", *, features: bool = False, keep: bool = False
    ) -> AsyncIterator[pb.FilePart]:
        """Dataset `number` (0: the newest) as "myna" (a package), "ljspeech", "fish" or "huggingface"."""
        request = pb.ExportDatasetRequest(voice=voice, number=number, format=format, features=features, keep=keep)
        return self._stream(self._datasets.Export, request)

    async def import_dataset(self, parts: Iterable[pb.FilePart]) -> pb.Dataset:
        """Send a package (`package_parts` makes its parts); returns when it is taken in. `sentence` says what came of
        it."""
        return await self._ask(self._datasets.Import, iter(parts), None)

    async def merge(self, voices: Iterable[str], into: str) -> pb.MergeResponse:
        """Give a voice (made if there is none of that name) the newest datasets of others."""
        return await self._ask(self._datasets.Merge, pb.MergeRequest(voices=voices, into=into), None)

    # ----------------------------------------------------------------------------------------------------- experiments

    async def start_experiment(
        self,
        voice: str,
        space: Mapping[str, str],
        *,
        trials: int = 0,
        budget: float = 0.0,
        budget_money: pb.Money | None = None,
        start: str = "",
        dataset: int = 0,
        seed: int = 0,
        stop_early: bool = False,
        dry_run: bool = False,
    ) -> pb.Experiment:
        """Search the settings that a voice is best trained with; `space` is what is tried of each ("8,16,32",
        "1e-5..1e-4"), `budget` seconds, or `budget_money` what they may cost, `start` as in `train` (empty: the base).
        `stop_early`: only the best third by a third of the steps is trained whole. With `dry_run`, only what it
        costs."""
        request = pb.StartExperimentRequest(
            voice=voice,
            space=[pb.SearchSetting(name=name, values=values) for name, values in space.items()],
            trials=trials,
            budget_seconds=budget,
            budget_money=budget_money,
            dataset=dataset,
            seed=seed,
            stop_early=stop_early,
            dry_run=dry_run,
        )
        setattr(request, "from", start)
        return await self._ask(self._experiments.Start, request)

    async def experiment(self, voice: str, number: int = 0) -> pb.Experiment:
        """An experiment with its trials; 0: the voice's newest."""
        return await self._ask(self._experiments.Get, pb.ExperimentRequest(voice=voice, number=number))

    def experiments(self, voice: str = "", *, limit: int = 0) -> AsyncIterator[pb.Experiment]:
        """Experiments without their trials, the newest first; empty: of every voice."""
        request = pb.ListExperimentsRequest(voice=voice)
        return self._pages(self._experiments.List, request, lambda page: page.experiments, limit)

    async def cancel_experiment(self, voice: str, number: int = 0) -> pb.Experiment:
        """End it, with the trial at work."""
        return await self._ask(self._experiments.Cancel, pb.ExperimentRequest(voice=voice, number=number))

    async def apply_experiment(self, voice: str, number: int = 0) -> pb.ApplyExperimentResponse:
        """Write the recommended settings into the voice's voice.toml."""
        return await self._ask(self._experiments.Apply, pb.ExperimentRequest(voice=voice, number=number))

    # ----------------------------------------------------------------------------------------------------------- speech

    async def transcribe(self, parts: Iterable[pb.TranscribePart]) -> pb.Transcript:
        """What is said in a sound file; `spec` of its first part says how it is to be heard."""
        return await self._ask(self._speech.Transcribe, iter(parts), None)

    def synthesize(self, spec: pb.SpeakSpec) -> AsyncIterator[pb.AudioChunk]:
        """Speak. Chunks come as they are made; closing the iterator cancels the job."""
        return self._stream(self._speech.Synthesize, pb.SynthesizeRequest(spec=spec))

    def convert(self, parts: Iterable[pb.ConvertPart]) -> AsyncIterator[pb.AudioChunk]:
        """Have a recording sound like a voice (`recording_parts` makes its parts). Chunks come as of `synthesize`."""
        return self._stream(self._speech.Convert, iter(parts))

    async def price(self, spec: pb.SpeakSpec | pb.EvaluateSpec) -> list[pb.RemotePrice]:
        """What speech, or a comparison, would cost at most: one for each engine elsewhere that it would ask."""
        request = pb.PriceRequest(evaluate=spec) if isinstance(spec, pb.EvaluateSpec) else pb.PriceRequest(speak=spec)
        answer = await self._ask(self._speech.Price, request)
        return list(answer.prices)

    def sample(self, voice: str, version: int, clip: str, *, recording: bool = False) -> AsyncIterator[pb.AudioChunk]:
        """What evaluation spoke for a held-out clip, or the clip itself."""
        return self._stream(
            self._speech.Sample, pb.SampleRequest(voice=voice, version=version, clip=clip, recording=recording)
        )

    def checkpoint_sample(self, run: int, step: int, line: str) -> AsyncIterator[pb.AudioChunk]:
        """What a checkpoint of a run said of a `CheckpointLine`."""
        return self._stream(self._speech.Sample, pb.SampleRequest(run=run, step=step, clip=line))

    # ----------------------------------------------------------------------------------------------------------- system

    async def info(self) -> pb.InfoResponse:
        return await self._ask(self._system.Info, pb.Empty())

    async def watch_system(self, every: float = 1.0, *, patience: float = PATIENCE) -> AsyncIterator[pb.SystemSample]:
        """GPU, memory and disk every `every` seconds, without end."""
        await self.wait_ready(0.0)
        while True:
            async for sample in self._until_lost(self._system.Watch, pb.SystemWatchRequest(every_seconds=every)):
                yield sample
            await self._back(patience)

    async def estimate(self, voice: str, *, dataset: int = 0, start: str = "", **choices: Any) -> pb.EstimateResponse:
        """What `train` with the same arguments would cost."""
        return await self._ask(
            self._system.Estimate, pb.EstimateRequest(spec=train_spec(voice, dataset, start, **choices))
        )

    async def costs(self, voice: str = "", month: str = "") -> pb.CostsResponse:
        """What work cost: of a voice, else of all that one may see; of a month ("2026-11"), else of all time."""
        return await self._ask(self._costs.Get, pb.CostsRequest(voice=voice, month=month))

    async def budget(self, voice: str) -> pb.Budget:
        """What the voice may cost a month, and has this month."""
        return await self._ask(self._costs.GetBudget, pb.BudgetRequest(voice=voice))

    async def set_budget(self, voice: str, limit: pb.Money | None, *, stop: bool = False) -> pb.Budget:
        """Write what the voice may cost a month into its voice.toml (None: no budget); `stop`: trainings wait then."""
        return await self._ask(self._costs.SetBudget, pb.SetBudgetRequest(voice=voice, limit=limit, stop=stop))

    async def doctor(self) -> list[pb.Finding]:
        answer = await self._ask(self._system.Doctor, pb.Empty())
        return list(answer.findings)

    async def metrics(self) -> pb.MetricsResponse:
        """How Myna does, for a monitoring system."""
        return await self._ask(self._system.Metrics, pb.Empty())

    async def idle(self) -> pb.IdleResponse:
        """What keeps the machine up, and what is done when nothing does."""
        return await self._ask(self._system.Idle, pb.Empty())

    async def notifiers(self) -> list[pb.Notifier]:
        """Where people are told of what happens, and how that goes."""
        return list((await self._ask(self._notices.List, pb.ListNotifiersRequest())).notifiers)

    async def test_notifier(self, name: str = "") -> list[pb.NotifierTest]:
        """Send a test message now; empty: to all. It may take two minutes where a service does not answer."""
        request = pb.TestNotifierRequest(name=name)
        return list((await self._ask(self._notices.Test, request, TEST_DEADLINE)).tests)

    async def accept(self, engine: str) -> pb.EngineState:
        """Record consent to an engine's licence."""
        return await self._ask(self._system.Accept, pb.AcceptRequest(engine=engine))

    async def adopt(self, *, dry_run: bool = False, voice: str = "") -> pb.AdoptResponse:
        """Take in what the home has and its database does not know; `voice`: whose recordings are of which nothing
        tells."""
        return await self._ask(self._system.Adopt, pb.AdoptRequest(dry_run=dry_run, voice=voice))

    async def fetch(self, engine: str, folder: str = "") -> pb.Job:
        """Queue bringing an engine's base to the daemon's machine: over the network, or from an absolute folder
        there."""
        return await self.submit(pb.FetchSpec(engine=engine, folder=folder))

    async def shutdown(self, *, now: bool = False) -> None:
        """Ask the daemon to end; unless `now`, running training checkpoints first."""
        await self._ask(self._system.Shutdown, pb.ShutdownRequest(now=now))

    async def ready(self) -> bool:
        """Does a daemon answer, and say that it serves (the standard health service)?"""
        try:
            await self.wait_ready(0.0)
        except ClientError as error:
            if error.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                return False
            raise
        return True

    async def wait_ready(self, patience: float) -> None:
        """Wait until the daemon serves. Raises ClientError UNAVAILABLE after `patience` seconds (0: if it does not
        answer now)."""
        from grpc_health.v1 import health_pb2, health_pb2_grpc  # only here: nothing else needs it

        check = health_pb2_grpc.HealthStub(self.channel).Check
        try:
            await check(health_pb2.HealthCheckRequest(), timeout=patience or 5.0, wait_for_ready=patience > 0)
        except grpc.RpcError as error:
            problem = translate(error, self.address)
            if patience and problem.code == "DEADLINE_EXCEEDED":
                problem = gone(self.address)
            raise problem from None

    # ----------------------------------------------------------------------------------------------------------- people

    async def add_person(self, name: str, may: Iterable[str], limits: pb.Limits | None = None) -> pb.Person:
        """Let somebody use this Myna, or change what one may: "speak", "read", "train", "admin"."""
        return await self._ask(self._people.Add, pb.AddPersonRequest(name=name, may=may, limits=limits))

    async def people(self) -> list[pb.Person]:
        """All of them; who is no admin is told of themselves."""
        answer = await self._ask(self._people.List, pb.ListPeopleRequest())
        return list(answer.people)

    async def create_token(self, name: str, seconds: float = 0.0) -> pb.CreateTokenResponse:
        """A token for a person, good for so many seconds (0: for ever). It is told this once."""
        return await self._ask(self._people.CreateToken, pb.CreateTokenRequest(name=name, expires_seconds=seconds))

    async def revoke(self, name: str = "", *, token: int = 0) -> pb.Person:
        """Take a person's access, or (by its id) that of one token."""
        return await self._ask(self._people.Revoke, pb.RevokeRequest(name=name, token=token))

    def acts(self, person: str = "", *, limit: int = 0) -> AsyncIterator[pb.Act]:
        """What a person did, or everybody, the newest first."""
        return self._pages(self._people.Acts, pb.ActsRequest(person=person), lambda page: page.acts, limit)

    async def share(self, voice: str, person: str, may: Iterable[str]) -> pb.VoiceShare:
        """Let a person do this with a voice, and no more: "speak", "read", "train"; nothing: take it all back."""
        return await self._ask(self._people.Share, pb.ShareRequest(voice=voice, person=person, may=may))

    async def give(self, voice: str, person: str = "") -> pb.Voice:
        """Make a voice a person's; empty: the workstation's owner's."""
        return await self._ask(self._people.Give, pb.GiveRequest(voice=voice, person=person))

    async def usage(self, name: str = "") -> list[pb.PersonUsage]:
        """What a person used, their limits, and when these refill; without a name everybody's, for who is no admin
        their own."""
        answer = await self._ask(self._people.Usage, pb.UsageRequest(name=name))
        return list(answer.people)

    # ----------------------------------------------------------------------------------------------------------- upkeep

    def backup(self, folder: str, *, keep: int = 0, rate: float = 0.0, **beside: bool) -> AsyncIterator[pb.UpkeepStep]:
        """Take a snapshot into a folder on the daemon's machine, step by step; `keep`: newest snapshots that stay (0:
        all); `rate`: bytes a second; `beside`: bases, exports, secrets, where they are to be in it. Who stops listening
        ends it: what is copied by then is used by the next one."""
        request = pb.BackupRequest(folder=folder, keep=keep, rate=rate, **beside)
        return self._stream(self._upkeep.Backup, request)

    async def snapshots(self, folder: str) -> list[pb.Snapshot]:
        """What there is in a folder of backups, the oldest first."""
        return list((await self._ask(self._upkeep.Snapshots, pb.BackupFolderRequest(folder=folder))).snapshots)

    def verify_backup(self, folder: str, *, rate: float = 0.0) -> AsyncIterator[pb.UpkeepStep]:
        """Read backups back, step by step."""
        return self._stream(self._upkeep.Verify, pb.BackupFolderRequest(folder=folder, rate=rate))

    async def clean(self, *, room: bool = False, dry_run: bool = False) -> pb.CleanResponse:
        """Delete what `[keep]` of myna.toml says is too old; with `room` what goes when the disk is short."""
        return await self._ask(self._upkeep.Clean, pb.CleanRequest(dry_run=dry_run, room=room))

    def check(self, *, deep: bool = False, rate: float = 0.0) -> AsyncIterator[pb.UpkeepStep]:
        """Whether the home is whole, step by step; `deep`: every file is read."""
        return self._stream(self._upkeep.Check, pb.CheckRequest(deep=deep, rate=rate))

    async def charges(self, name: str = "") -> list[pb.Charge]:
        """What engines elsewhere were sent for a person in the last month, by day, the newest first; without a name
        for everybody, for who is no admin for themselves."""
        answer = await self._ask(self._people.Usage, pb.UsageRequest(name=name))
        return list(answer.charges)

    # ----------------------------------------------------------------------------------------------------------- inside

    async def _ask(self, call: Callable[..., Awaitable[T]], request: Any, deadline: float | None = DEADLINE) -> T:
        try:
            return await call(request, timeout=deadline, metadata=self._metadata)
        except grpc.RpcError as error:
            raise translate(error, self.address) from None

    async def _pages(
        self, call: Callable[..., Any], request: Any, rows: Callable[[Any], Iterable[T]], limit: int = 0
    ) -> AsyncIterator[T]:
        left = limit
        while True:
            request.page.size = (
                min(left, 1000) if limit else 1000 if request.page.token else 200
            )  # the first rows come soon
            page = await self._ask(call, request)
            for row in rows(page):
                yield row
                left -= 1
                if limit and left == 0:
                    return
            if not page.next_token:
                return
            request.page.token = page.next_token

    async def _stream(self, call: Callable[..., Any], request: Any) -> AsyncIterator[Any]:
        stream = call(request, metadata=self._metadata)
        try:
            async for message in stream:
                yield message
        except grpc.RpcError as error:
            raise translate(error, self.address) from None
        finally:
            stream.cancel()

    async def _until_lost(self, call: Callable[..., Any], request: Any) -> AsyncIterator[Any]:
        """The stream's messages until the daemon goes away."""
        stream = call(request, metadata=self._metadata)
        try:
            async for message in stream:
                yield message
        except grpc.RpcError as error:
            if not lost(error):
                raise translate(error, self.address) from None
        finally:
            stream.cancel()

    async def _back(self, patience: float) -> None:
        await asyncio.sleep(RETRY)  # a daemon on its way out still answers for a moment
        await self.wait_ready(patience)
