"""`myna people` (`add`, `list`, `token`, `revoke`, `log`, `usage`), `share` and `unshare`: who else may use this Myna,
and with which voices."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from proto import length
from proto import myna_pb2 as pb
from proto.client import ClientError
from tui import arguments, cost, output, session, wording

app = typer.Typer()

PANEL = "People"
BYTES = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}

group = typer.Typer(no_args_is_help=True, help="Who else may use this Myna.")
app.add_typer(group, name="people", rich_help_panel=PANEL)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The person.")]
Person = Annotated[str, typer.Argument(metavar="PERSON", help="With whom.")]
May = Annotated[
    str, typer.Option("--may", metavar="RIGHTS", help="Of speak, read, train and admin, with commas between them.")
]


@group.command()
def add(
    name: Name,
    may: May,
    minutes_a_day: Annotated[float | None, typer.Option(min=0, metavar="NUMBER", help="Of speech.")] = None,
    gpu_minutes_a_day: Annotated[float | None, typer.Option(min=0, metavar="NUMBER", help="Of the GPU.")] = None,
    disk: Annotated[str, typer.Option(metavar="SIZE", help="For their recordings and versions, such as 20GB.")] = "",
    waiting: Annotated[int | None, typer.Option(min=0, metavar="NUMBER", help="Jobs that may wait.")] = None,
    json: output.Json = False,
) -> None:
    """Add a person, or change what one may; one who was revoked is back.

    Rights hold for voices of their own, and at most for those shared with them. Limits that are not given are none.
    """
    limits = pb.Limits(
        minutes_a_day=minutes_a_day,
        gpu_minutes_a_day=gpu_minutes_a_day,
        disk=_bytes(disk) if disk else None,
        waiting=waiting,
    )
    found = session.client().add_person(name, _rights(may), limits)
    if json:
        output.json(found)
        return
    output.line(output.safe(f"{found.name} may {_listed(found.may)}."))
    if not any(token for token in found.tokens if not token.HasField("revoked")):
        output.line(output.safe(f"Next: myna people token {_quoted(found.name)}"))


@group.command("list")
def list_people(json: output.Json = False) -> None:
    """List people, their tokens, and what is shared with them."""
    found = session.client().people()
    if json:
        output.json(found)
        return
    rows = (
        (
            one.name,
            "revoked" if one.HasField("revoked") else _listed(one.may),
            _listed(one.voices),
            _listed([f"{shared.voice} ({_listed(shared.may)})" for shared in one.shares]),
            _listed([_token(token) for token in one.tokens if not token.HasField("revoked")]),
        )
        for one in found
    )
    head = ("person", "may", "voices", "shared with them", "tokens")
    output.table(head, rows, "Nobody but you. `myna people add NAME --may speak` adds somebody.")


@group.command()
def token(
    name: Name,
    expires: Annotated[str, typer.Option(metavar="TIME", help="For how long, such as 30d or 12h.")] = "",
    json: output.Json = False,
) -> None:
    """Make a token for a person. It is shown this once: Myna keeps only its digest."""
    made = session.client().create_token(name, _seconds(expires) if expires else 0.0)
    if json:
        output.json(made)
        return
    until = f" until {wording.moment(made.about.expires)}" if made.about.HasField("expires") else ""
    output.note(output.safe(f"Token {made.about.id} of {name}, good{until or ' for ever'}; it is not shown again:"))
    output.line(made.token)


@group.command()
def revoke(
    what: Annotated[str, typer.Argument(metavar="NAME|TOKEN", help="A person, or a token by its number.")],
    json: output.Json = False,
) -> None:
    """Let a person, or one token, in no more. Their voices and jobs are kept."""
    number = what.removeprefix("#")
    client = session.client()
    by_number = number.isascii() and number.isdigit() and int(number) < 2**63
    found = client.revoke(token=int(number)) if by_number else client.revoke(what)
    if json:
        output.json(found)
    elif by_number:
        output.line(output.safe(f"Token {number} of {found.name} opens nothing any more."))
    else:
        output.line(output.safe(f"{found.name} may not come in any more. Their voices are kept."))


@group.command()
def log(
    person: Annotated[str, typer.Argument(metavar="[NAME]", help="Only of this person.")] = "",
    number: Annotated[int, typer.Option("-n", metavar="NUMBER", min=1, help="How many, the newest.")] = 50,
    json: output.Json = False,
) -> None:
    """Show who did what, the newest last. Nothing of what they said is in it."""
    found = list(session.client().acts(person, limit=number))[::-1]
    if json:
        output.json(found)
        return
    rows = ((wording.moment(one.time), one.person or "(you)", one.rpc, one.object, one.outcome) for one in found)
    output.table(("when", "who", "did", "with", "outcome"), rows, "Nobody did anything yet.")


@group.command()
def usage(
    person: Annotated[str, typer.Argument(metavar="[NAME]", help="Only this person, day by day.")] = "",
    json: output.Json = False,
) -> None:
    """Show what people used today and what they may, and when that refills. Each person sees their own."""
    found = session.client().usage(person)
    if json:
        output.json(found)
        return
    rows = (_used(one) for one in found)
    head = ("person", "speech today", "GPU today", "disk", "jobs waiting")
    output.table(head, rows, "Nobody but you, and you have no limits.")
    if person and found:
        days = ((day.day, _minutes(day.speech_seconds), _minutes(day.gpu_seconds)) for day in found[0].days)
        output.table(("day", "speech", "GPU"), days, f"{person} has used nothing yet.")
    show_charges(session.client().charges(person))
    if found:
        output.note(f"Minutes refill at {wording.moment(found[0].refills)}.")


def show_charges(charges: Sequence[pb.Charge]) -> None:
    """What was sent to engines elsewhere, if anything was."""
    if charges:
        output.table(cost.HEAD, cost.rows(charges))


@app.command(rich_help_panel=PANEL)
def share(voice: arguments.Voice, person: Person, may: May = "speak", json: output.Json = False) -> None:
    """Let a person use a voice, by these rights and no others: speak, read, train."""
    found = session.client().share(voice, person, _rights(may))
    if json:
        output.json(found)
    else:
        output.line(output.safe(f"{person} may {_listed(found.may)} with {voice}, as far as they may at all."))


@app.command(rich_help_panel=PANEL)
def unshare(voice: arguments.Voice, person: Person, json: output.Json = False) -> None:
    """Take back what a person may do with a voice."""
    found = session.client().share(voice, person, [])
    if json:
        output.json(found)
    else:
        output.line(output.safe(f"{voice} is not there for {person} any more."))


def _rights(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _seconds(text: str) -> float:
    """Raises ClientError."""
    found = length.read(text)
    if not found:
        raise ClientError(f"{text!r} is not a time.", "Write it like 30d, 12h or 4w.", "INVALID_ARGUMENT")
    return found


def _bytes(text: str) -> int:
    """Raises ClientError."""
    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?([KMGT]B|)", text.strip().upper())
    if not found:
        raise ClientError(f"{text!r} is not a size.", "Write it like 20GB or 500MB.", "INVALID_ARGUMENT")
    return math.ceil(float(found[1]) * BYTES[found[2]])


def _used(one: pb.PersonUsage) -> tuple[str, ...]:
    """A line of the table: what is used, of what may be."""
    limits, today = one.limits, one.today
    return (
        one.person,
        _minutes(today.speech_seconds, limits.minutes_a_day if limits.HasField("minutes_a_day") else None),
        _minutes(today.gpu_seconds, limits.gpu_minutes_a_day if limits.HasField("gpu_minutes_a_day") else None),
        wording.size(one.disk) + (f" of {wording.size(limits.disk)}" if limits.HasField("disk") else ""),
        f"{one.waiting}" + (f" of {limits.waiting}" if limits.HasField("waiting") else ""),
    )


def _minutes(seconds: float, allowed: float | None = None) -> str:
    return f"{seconds / 60:.1f}" + (f" of {allowed:g}" if allowed is not None else "") + " min"


def _token(token: pb.PersonToken) -> str:
    used = f", used {token.last_used}" if token.last_used else ""
    until = f" until {wording.moment(token.expires)}" if token.HasField("expires") else ""
    return f"{token.id}{until}{used}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _quoted(name: str) -> str:
    return f"'{name}'" if " " in name else name
