"""Notices in words, in plain English: the one place where people's sentences are made of occasions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from google.protobuf.json_format import MessageToDict

from daemon.errors import brief
from daemon.notices.outbox import Notice
from daemon.state.values import OccasionKind
from proto import money
from proto import myna_pb2 as pb

#: characters of a message's body
LONGEST = 3_500
#: what chat programs make calls, links and formats of: names and reasons come from whoever sends recordings
_SIGNS = str.maketrans({"<": "‹", ">": "›", "*": "∗", "`": "'", "|": "¦"})
_CALL = re.compile(r"(?<!\w)@")
#: fields of an occasion that are long whole numbers
_WHOLE = frozenset({"job", "free", "floor", "count"})
#: how urgent a message of it looks, as Apprise calls it; the first that one of its notices has
_LEVELS = (
    ("failure", {OccasionKind.FAILED, OccasionKind.DISK}),
    ("warning", {OccasionKind.BUDGET, OccasionKind.LONG_RUN, OccasionKind.MISSED, OccasionKind.IN_DOUBT}),
    ("success", {OccasionKind.PROMOTED}),
)


def title(notices: Sequence[Notice], machine: str) -> str:
    """Of a message."""
    if len(notices) != 1:
        return f"Myna on {_plain(machine)}: {len(notices)} notices"
    return f"Myna on {_plain(machine)}: {headline(notices[0])}"


def body(notices: Sequence[Notice], zone: tzinfo | None = None) -> str:
    """A line for each, with its time where there are several."""
    if len(notices) == 1:
        return sentence(notices[0])
    lines, length = [], 0
    for number, notice in enumerate(notices):
        line = f"{_moment(notice.time, zone)}  {sentence(notice)}"
        length += len(line) + 1
        if length > LONGEST:
            lines.append(f"And {len(notices) - number} more: `myna watch` and `myna jobs` have them.")
            break
        lines.append(line)
    return "\n".join(lines)


def level(notices: Sequence[Notice]) -> str:
    """As Apprise calls it."""
    kinds = {notice.kind for notice in notices}
    return next((name for name, of in _LEVELS if kinds & of), "info")


def values(notice: Notice) -> dict[str, Any]:
    """A notice for programs."""
    facts = MessageToDict(notice.occasion, preserving_proto_field_name=True)
    for name in facts.keys() & _WHOLE:  # protobuf writes long numbers as texts
        facts[name] = int(facts[name])
    facts["kind"] = notice.kind.value
    return {"id": notice.id, "time": notice.time.isoformat(), **facts, "sentence": sentence(notice)}


def headline(notice: Notice) -> str:
    """A few words."""
    told = notice.occasion
    match notice.kind:
        case OccasionKind.PROMOTED:
            return f"{_version(told)} speaks now"
        case OccasionKind.REJECTED:
            return f"{_version(told)} was not kept"
        case OccasionKind.UNDECIDED:
            return f"{_version(told)} is undecided"
        case OccasionKind.FAILED:
            return f"job #{told.job} failed"
        case OccasionKind.REFUSED:
            return "a file was refused"
        case OccasionKind.DISK:
            return "the disk is full"
        case OccasionKind.BUDGET:
            return f"the budget of {_plain(told.voice)}"
        case OccasionKind.LONG_RUN:
            return f"job #{told.job} takes long"
        case OccasionKind.SHUTDOWN:
            return "mynad fell over" if told.fell else "mynad ended"
        case OccasionKind.MISSED | OccasionKind.IN_DOUBT:
            return "notices that you may lack"
        case OccasionKind.TEST:
            return "a test"


def sentence(notice: Notice) -> str:
    """What happened."""
    told = notice.occasion
    match notice.kind:
        case OccasionKind.PROMOTED:
            return _promoted(told)
        case OccasionKind.REJECTED:
            return f"{_version(told)} was not kept. {_plain(told.why)}".strip()
        case OccasionKind.UNDECIDED:
            return f"The scores leave {_version(told)} undecided. {_plain(told.hint)}".strip()
        case OccasionKind.FAILED:
            why = f"{told.error.sentence} {told.error.hint}"
            return f"Job #{told.job} failed ({_plain(told.title)}): {_plain(why)}".strip()
        case OccasionKind.REFUSED:
            where = f" in the inbox of {_plain(told.voice)}" if told.voice else ""
            return f"{_plain(told.name)} was refused{where}: {_plain(told.why)}".strip()
        case OccasionKind.DISK:
            return (
                f"{told.free / 1e9:.1f} GB are free on the disk of Myna's home, and {told.floor / 1e9:.1f} GB have to "
                "stay free (min_free_disk). Nothing is taken or trained until there is more."
            )
        case OccasionKind.BUDGET:
            return _budget(told)
        case OccasionKind.LONG_RUN:
            why = f" {_plain(told.why)}" if told.why else ""
            return (
                f"Job #{told.job} ({_plain(told.title)}) has worked for {_length(told.seconds)}, and "
                f"{_length(told.expected_seconds)} were expected.{why} `myna job {told.job}` says what it does."
            )
        case OccasionKind.SHUTDOWN:
            return _shutdown(told)
        case OccasionKind.MISSED if told.forgotten:
            return (
                f"{told.count:,} events were forgotten before this notifier read them (events_kept): notices may be "
                "among them."
            )
        case OccasionKind.MISSED:
            return f"{told.count:,} further notices were left out: too many wait for this service."
        case OccasionKind.IN_DOUBT:
            many = f"{told.count:,} earlier notices" if told.count != 1 else "An earlier notice"
            return (
                f"{many} may not have arrived: the service did not answer, and what may have arrived is not repeated."
            )
        case OccasionKind.TEST:
            return "This is a test: notices of this Myna arrive here."


def _promoted(told: pb.Occasion) -> str:
    if told.rolled_back:
        return f"{_plain(told.voice)} went back to {_speaker(told.version)}."
    return f"{_version(told)} speaks now, in place of {_speaker(told.before)}. {_plain(told.why)}".strip()


def _budget(told: pb.Occasion) -> str:
    spent, budget = (money.said(sum_) for sum_ in (told.spent, told.budget))
    stops = " Its trainings wait until there is more." if told.stops else ""
    return f"{_plain(told.voice)} has used {told.share:.0%} of its budget for {told.month}: {spent} of {budget}.{stops}"


def _shutdown(told: pb.Occasion) -> str:
    waiting = (
        f" {told.count} {'jobs go' if told.count != 1 else 'job goes'} on when it runs again." if told.count else ""
    )
    if told.fell:
        return f"mynad ended because a part of it failed: log/mynad.log says why.{waiting}"
    return f"mynad ended in order.{waiting}"


def _version(told: pb.Occasion) -> str:
    return f"{_plain(told.voice)}@{told.version or 'base'}"


def _speaker(number: int) -> str:
    return f"version {number}" if number else "the engine's base"


def _length(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def _moment(time: datetime, zone: tzinfo | None) -> str:
    return f"{time.astimezone(zone):%d %b %H:%M}"


def _plain(text: str) -> str:
    """Words of others, so that no chat program takes them for more."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return _CALL.sub("@\u2060", brief(line).translate(_SIGNS))
