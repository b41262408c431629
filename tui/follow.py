"""`--wait`: watch jobs, and those that they cause, until all have ended."""

from __future__ import annotations

from collections.abc import Collection

from proto import myna_pb2 as pb
from proto.client import Client, ClientError
from proto.messages import ENDED, state_of
from tui import output, progress

LIVE = ("queued", "running", "paused")
#: What came of a training where no version did.
WITHOUT_VERSION = (pb.NOTHING_GAINED, pb.NOTHING_NEW, pb.SAME_WEIGHTS)
RECENT = 100  #: jobs of a voice among which a child is looked for


def job(client: Client, number: int) -> list[pb.Job]:
    """Follow a job and all that it causes (a training its evaluation). The jobs as they ended. Ctrl-C leaves them
    working."""
    after = client.info().cursor
    first = client.job(number)
    seen = {number: first}
    with progress.JobBars() as bars:
        bars.show(first)
        if _over(client, first.voice, seen):
            return list(seen.values())
        for event in client.watch(after, voice=first.voice, progress=True):
            if not event.HasField("job"):
                continue
            now = event.job
            if now.id not in seen and now.parent_job not in seen:
                continue
            seen[now.id] = now
            bars.show(now)
            if _over(client, first.voice, seen):
                break
    return list(seen.values())


def files(client: Client, after: int, voice: str, names: Collection[str]) -> list[pb.Job]:
    """Follow files into a voice, from the event after which they were put there: until each was taken or refused and,
    when any was taken, the dataset that it goes into and all that follows have ended. The jobs as they ended."""
    waiting = set(names)
    fresh: dict[int, pb.Job] = {}
    taken = 0  # when the last recording was, nanoseconds; 0: none, or its dataset is made
    with progress.JobBars() as bars:
        for event in client.watch(after, voice=voice, progress=True):
            if event.HasField("inbox") and event.inbox.state in ("taken", "refused", "known"):
                inbox = event.inbox
                waiting.discard(inbox.name)
                taken = event.time.ToNanoseconds() if inbox.state == "taken" else taken
                bars.line(f"{output.safe(inbox.name)}: {output.state(inbox.state)} {output.safe(inbox.why)}".rstrip())
            elif event.HasField("job"):
                now = event.job
                fresh[now.id] = now
                bars.show(now)
                if now.kind == pb.DATASET and state_of(now) in ENDED and now.submitted.ToNanoseconds() >= taken:
                    taken = 0
            if not waiting and not taken and not _live(client, voice):
                break
    return list(fresh.values())


def check(jobs: Collection[pb.Job]) -> None:
    """Raises ClientError with the first failure's sentence, if any job did not succeed."""
    for ended in jobs:
        if ended.status.HasField("failed"):
            error = ended.status.failed.error
            hint = error.hint or f"`myna logs {ended.id}` says more; `myna retry {ended.id}` tries again."
            raise ClientError(f"Job #{ended.id} ({ended.title}) failed: {error.sentence}", hint, "ABORTED")
        if ended.status.HasField("cancelled"):
            raise ClientError(
                f"Job #{ended.id} ({ended.title}) was cancelled.",
                f"`myna retry {ended.id}` queues it again.",
                "CANCELLED",
            )


def outcome(client: Client, voice: str, ended: Collection[pb.Job]) -> str:
    """What the last training among the jobs came to where no version came of it, else what the voice's newest version
    did, or what it still needs; a sentence."""
    trained = max((job for job in ended if job.kind == pb.TRAIN and job.run), key=lambda job: job.id, default=None)
    if trained is not None and client.run(trained.run).outcome in WITHOUT_VERSION:
        return trained.status.succeeded.sentence
    for version in client.versions(voice):
        return f"{voice}@{version.number}: {version.verdict or version.state}"
    return client.voice(voice).next


def _over(client: Client, voice: str, seen: dict[int, pb.Job]) -> bool:
    """All have ended, and so has what they caused, which joins `seen`. (Asked of the daemon: a child's event comes
    after its parent's.)"""
    if any(state_of(known) not in ENDED for known in seen.values()):
        return False
    newest = sorted(client.jobs(voice=voice, limit=RECENT), key=lambda row: row.id)  # parents before their children
    for row in newest:
        if row.parent_job in seen:
            seen[row.id] = row
    return all(state_of(known) in ENDED for known in seen.values())


def _live(client: Client, voice: str) -> list[pb.Job]:
    return list(client.jobs(voice=voice, states=LIVE, limit=1000))
