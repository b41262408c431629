"""`myna rate`, `unrate`, `ratings`: which of two versions people prefer, and how natural each sounds to them."""

from __future__ import annotations

from typing import Annotated

import typer

from proto import myna_pb2 as pb
from tui import arguments, names, output, session, wording
from tui.commands import datasets

app = typer.Typer()

PANEL = "Voices"
SAME = "same"
WORST, BEST = 1, 5  #: scores

A = Annotated[
    str, typer.Argument(metavar="A", help="Such as anna@6 (or anna@base).", autocompletion=arguments.version_names)
]
B = Annotated[
    str, typer.Argument(metavar="B", help="Such as anna@7, or just 7.", autocompletion=arguments.version_names)
]
SCORE = f"How natural {{}} sounds, {WORST} (bad) to {BEST} (excellent)."


@app.command(rich_help_panel=PANEL)
def rate(
    a: A,
    b: B,
    prefer: Annotated[
        str, typer.Option(metavar="a|b|same", help="Which is better: a, b, its version, or same: no difference.")
    ] = "",
    score_a: Annotated[int | None, typer.Option(metavar="SCORE", min=WORST, max=BEST, help=SCORE.format("A"))] = None,
    score_b: Annotated[int | None, typer.Option(metavar="SCORE", min=WORST, max=BEST, help=SCORE.format("B"))] = None,
    clip: Annotated[str, typer.Option(metavar="SHA", help="The held-out clip whose line both spoke.")] = "",
    text: Annotated[str, typer.Option(metavar="TEXT", help="What both spoke, if it was another text.")] = "",
    blind: Annotated[bool, typer.Option("--blind", help="You did not know which was which.")] = False,
    json: output.Json = False,
) -> None:
    """Keep what you think of two versions of a voice that said the same."""
    first, second = names.pair(a, b)
    if not (prefer or score_a or score_b):
        raise typer.BadParameter("a rating needs --prefer, --score-a or --score-b")
    client = session.client()
    rating = client.rate(
        pb.Rating(
            voice=first.voice,
            a=max(first.number, 0),
            b=max(second.number, 0),
            preferred=preference(prefer, first, second),
            score_a=score_a or 0,
            score_b=score_b or 0,
            clip=datasets.whole_clip(client.clips(first.voice, dropped=True), clip, first.voice).sha256 if clip else "",
            text=text,
            blind=blind,
        )
    )
    if json:
        output.json(rating)
        return
    output.line(
        f"Rating {rating.id} of {first} and {second} is kept. Take it back: myna unrate {first.voice} {rating.id}"
    )
    output.line(output.safe(client.ratings(first.voice, rating.a, rating.b, limit=1).tally.sentence))
    if rating.sentence:
        output.line(output.safe(rating.sentence))


@app.command(rich_help_panel=PANEL)
def unrate(
    voice: arguments.Voice,
    rating: Annotated[int, typer.Argument(metavar="ID", min=1, help="The rating, as `myna ratings` shows it.")],
    json: output.Json = False,
) -> None:
    """Take a rating back."""
    gone = session.client().unrate(voice, rating)
    if json:
        output.json(gone)
    else:
        output.line(output.safe(f"Rating {gone.id} of {voice} is taken back. {gone.sentence}".strip()))


@app.command(rich_help_panel=PANEL)
def ratings(
    a: A,
    b: B,
    number: Annotated[
        int, typer.Option("-n", "--number", metavar="NUMBER", min=0, help="At most so many, the newest first; 0: all.")
    ] = 30,
    json: output.Json = False,
) -> None:
    """List what people thought of two versions, and what follows from it."""
    first, second = names.pair(a, b)
    found = session.client().ratings(first.voice, max(first.number, 0), max(second.number, 0), limit=number)
    if json:
        output.json(found)
        return
    preferred = {"a": str(first), "b": str(second), SAME: SAME}
    rows = (
        (
            row.id,
            preferred.get(row.preferred, ""),
            row.score_a or "",
            row.score_b or "",
            "blind" if row.blind else "",
            wording.moment(row.time),
            row.text,
        )
        for row in found.ratings
    )
    head = ("rating", "preferred", f"score {first}", f"score {second}", "", "time", "text")
    output.table(head, rows, f"Nobody has rated {first} and {second} yet. `myna rate {first} {second}` does.")
    if found.ratings:
        tally(found.tally, str(first), str(second))


def tally(counted: pb.Tally, a: str, b: str) -> None:
    """What people said who listened to both."""
    head = ("listeners", "preferred", "score", "95 % interval", "scores")
    rows = (
        (name, votes, *wording.opinion(score), score.count)
        for name, votes, score in ((a, counted.a, counted.score_a), (b, counted.b, counted.score_b))
    )
    print()
    output.table(head, rows)
    blind = f", {counted.blind} of them blind" if counted.blind < counted.ratings else ", all blind"
    output.line(f"{output.safe(counted.sentence)} ({wording.count(counted.ratings, 'rating')}{blind}.)")
    if counted.listening.sentence:
        output.line(output.safe(counted.listening.sentence))


def preference(said: str, a: names.Named, b: names.Named) -> str:
    """ "a", "b", "same" or empty, as the wire has it. Raises BadParameter for anything else."""
    meant = {
        "": "",
        "a": "a",
        "b": "b",
        SAME: SAME,
        **{name: which for which, one in (("a", a), ("b", b)) for name in (str(one), str(one).partition("@")[2])},
    }
    if said not in meant:
        raise typer.BadParameter(f"{said!r} is not a, b, {a}, {b} or {SAME}", param_hint="--prefer")
    return meant[said]
