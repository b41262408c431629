"""Upkeep's values as messages."""

from __future__ import annotations

from daemon.names import printable
from daemon.upkeep import words
from daemon.upkeep.values import Finding, Kind, Mend, Phase, Progress, Taken
from proto import myna_pb2 as pb

KINDS: dict[Kind, pb.FindingKind.ValueType] = {
    Kind.DATABASE: pb.FINDING_DATABASE,
    Kind.REFERENCE: pb.FINDING_REFERENCE,
    Kind.MISSING: pb.FINDING_MISSING,
    Kind.SIZE: pb.FINDING_SIZE,
    Kind.CONTENT: pb.FINDING_CONTENT,
    Kind.UNREADABLE: pb.FINDING_UNREADABLE,
    Kind.ORPHAN: pb.FINDING_ORPHAN,
    Kind.ADOPTABLE: pb.FINDING_ADOPTABLE,
    Kind.OBJECT: pb.FINDING_OBJECT,
    Kind.SNAPSHOT: pb.FINDING_SNAPSHOT,
    Kind.ODD: pb.FINDING_ODD,
}
MENDS: dict[Mend, pb.Mend.ValueType] = {
    Mend.NOTHING: pb.MEND_NOTHING,
    Mend.LOST: pb.MEND_LOST,
    Mend.DROP: pb.MEND_DROP,
    Mend.FROM_BACKUP: pb.MEND_FROM_BACKUP,
    Mend.ADOPT: pb.MEND_ADOPT,
    Mend.AGAIN: pb.MEND_AGAIN,
}
PHASES: dict[Phase, pb.UpkeepPhase.ValueType] = {
    Phase.DATABASE: pb.UPKEEP_DATABASE,
    Phase.COPYING: pb.UPKEEP_COPYING,
    Phase.SWEEPING: pb.UPKEEP_SWEEPING,
    Phase.RESTORING: pb.UPKEEP_RESTORING,
    Phase.LOOKING: pb.UPKEEP_LOOKING,
    Phase.READING: pb.UPKEEP_READING,
}


def step(one: Progress | Finding) -> pb.UpkeepStep:
    if isinstance(one, Progress):
        progress = pb.UpkeepProgress(phase=PHASES[one.phase], done=one.done, total=one.total)
        return pb.UpkeepStep(progress=progress)
    return pb.UpkeepStep(
        finding=pb.UpkeepFinding(
            kind=KINDS[one.kind],
            sort=one.sort,
            path=shown(one.path),
            row=one.row,
            mend=MENDS[one.mend],
            mended=one.mended,
            sentence=words.sentence(one),
            hint=words.hint(one),
        )
    )


def snapshot(one: Taken) -> pb.Snapshot:
    return pb.Snapshot(
        id=one.id, home=one.home, schema=one.schema, files=one.files, size=one.size, new_bytes=one.new,
        damaged=one.damaged,
    )  # fmt: skip


def shown(path: str) -> str:
    """A path as text: a file's name need not be any."""
    return printable(path.encode("utf-8", "surrogateescape"))
