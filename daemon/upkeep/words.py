"""What upkeep finds, in words."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.names import printable
from daemon.upkeep.values import Finding, Kind, Mend, Sort, Taken

_KINDS = {
    Kind.DATABASE: "The database is damaged: {row}",
    Kind.REFERENCE: "In the database, {row}, which is not there.",
    Kind.MISSING: "{path} is not there.",
    Kind.SIZE: "{path} has another size than it was written with.",
    Kind.CONTENT: "{path} holds something else than was written.",
    Kind.UNREADABLE: "The disk does not give {path}.",
    Kind.ORPHAN: "The database does not know {path}.",
    Kind.ADOPTABLE: "The database does not know {path}.",
    Kind.OBJECT: "The backup has not {path} as it was.",
    Kind.SNAPSHOT: "The list of the snapshot {path} cannot be read: {row}.",
    Kind.ODD: "{path} is a link or a device, and not in the backup.",
}
_MENDS = {
    Mend.LOST: "`myna check --repair` moves it to lost/.",
    Mend.DROP: "`myna check --repair` deletes it; it is made again when it is needed.",
    Mend.ADOPT: "`myna adopt` takes it in.",
    Mend.AGAIN: "`myna check --repair` has it cut from its recording again, or takes it --from a backup.",
}
_MENDED = {
    Mend.LOST: "Moved to lost/.",
    Mend.DROP: "Deleted; it is made again when it is needed.",
    Mend.FROM_BACKUP: "Taken from the backup.",
    Mend.AGAIN: "It is cut from its recording again when mynad runs.",
}
_BROKEN = (Kind.MISSING, Kind.SIZE, Kind.CONTENT, Kind.UNREADABLE)
_FROM = "`myna check --repair --from BACKUP` takes it from a backup that has it."


def sentence(one: Finding) -> str:
    """What is wrong."""
    text = _KINDS[one.kind].format(path=printable(one.path.encode("utf-8", "surrogateescape")), row=one.row)
    if one.kind in (Kind.DATABASE, Kind.REFERENCE, Kind.SNAPSHOT) or not one.row:
        return text
    if one.kind is Kind.OBJECT:
        return f"{text} Snapshot {one.row} has it."
    return f"{text} {one.row}" if one.kind is Kind.ORPHAN else f"{text} It is of {one.row}."


def hint(one: Finding) -> str:
    """What was done about it, or can be; empty: nothing."""
    if one.mended:
        return _MENDED[one.mend]
    if one.mend in _MENDS:
        return _MENDS[one.mend]
    if one.sort is Sort.CHECKPOINT:
        return "Its training goes on from the checkpoint before it, or from its beginning."
    if one.kind in _BROKEN:
        return _FROM
    if one.kind is Kind.DATABASE:
        return "Restore a backup into a new home (`myna restore`), or put a copy of the database in its place."
    if one.kind is Kind.REFERENCE:
        return "Restore a backup into a new home, and compare."
    if one.kind is Kind.OBJECT:
        return "The next backup copies it again, if the home still has it."
    if one.kind is Kind.SNAPSHOT:
        return "The other snapshots are not touched by that."
    return ""


def about(taken: Taken) -> list[str]:
    """What a person should know of a snapshot that was taken."""
    lines = []
    if taken.same_disk:
        lines.append("The backup is on the disk that the home is on: it does not help when that disk is lost.")
    if taken.strange:
        lines.append(f"Not in it, for it is not Myna's: {_some(taken.strange)}.")
    if taken.keys:
        lines.append(f"Not in it, for whoever has them can use Myna: {_some(taken.keys)}. --secrets takes them along.")
    if taken.bare:
        sentence = f"myna.toml has the URL of a notifier in it ({_some(taken.bare)}), and so has the backup."
        lines.append(f"{sentence} url_file keeps it apart.")
    return lines


def _some(names: Sequence[str]) -> str:
    """The first few."""
    told = ", ".join(printable(name.encode("utf-8", "surrogateescape")) for name in names[:5])
    return told + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def after_restore(home: str, uuid: str, bases: list[str], keys: Sequence[str], *, newer: bool) -> list[str]:
    """What is next. `keys`: files that myna.toml names and that are not there."""
    lines = [f"myna.toml names {_some(keys)}, not there: put back what you need of that first."] if keys else []
    lines.append(f"Start it: myna --home {home} up")
    lines += [f"The base of {name} is not here: myna --home {home} engines fetch {name}" for name in bases]
    if newer:
        lines.append("Its database is of an older Myna, and is brought to the newest schema when mynad starts.")
    lines.append(
        f"It has the identity of the home that was backed up ({uuid[:8]}…): both give the same numbers to new versions "
        "and jobs, and both tell your notifiers. Work on in one of them only."
    )
    lines.append("Jobs that waited or ran when the snapshot was taken go on when mynad starts.")
    return lines
