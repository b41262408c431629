"""`myna runs` and `myna run`: trainings, how they were set and what came of them."""

from __future__ import annotations

from typing import Annotated

import typer

from proto import energy_words
from proto import myna_pb2 as pb
from tui import arguments, output, session, wording
from tui.dashboard import checkpoint_rows, run_rows

app = typer.Typer()

PANEL = "Jobs"


@app.command(rich_help_panel=PANEL)
def runs(
    voice: Annotated[
        str, typer.Option(metavar="VOICE", help="Only this voice's.", autocompletion=arguments.voice_names)
    ] = "",
    number: Annotated[
        int, typer.Option("-n", "--number", metavar="NUMBER", min=0, help="At most so many, the newest first; 0: all.")
    ] = 30,
    json: output.Json = False,
) -> None:
    """List training runs: settings, steps, best held-out loss, and the version that came of each."""
    found = list(session.client().runs(voice=voice, limit=number))
    if json:
        output.json(found)
        return
    output.table(run_rows.HEAD, map(run_rows.cells, found), "No runs yet. `myna train VOICE` begins one.")


@app.command(rich_help_panel=PANEL)
def run(
    id: Annotated[
        int,
        typer.Argument(
            metavar="RUN",
            min=1,
            help="Number of the run, as `myna runs` shows it.",
            autocompletion=arguments.run_numbers,
        ),
    ],
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="How its checkpoints sounded, and which was chosen.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Show one training run in full, with its settings; or its checkpoints side by side."""
    if checkpoints:
        _checkpoints(session.client().checkpoints(id), json)
        return
    found = session.client().run(id)
    if json:
        output.json(found)
        return
    output.line(f"Run #{found.id}: {output.safe(arguments.run_title(found))}")
    shown = dict(zip(run_rows.HEAD, run_rows.cells(found), strict=True))
    output.fields(
        (
            ("engine", found.engine),
            ("job", f"#{found.job}" if found.job else ""),
            ("steps", shown["steps"]),
            ("best held-out loss", f"{shown['best']} at step {shown['at']}" if shown["best"] else ""),
            ("memory", f"{wording.size(found.memory_peak)} of the GPU at most" if found.memory_peak else ""),
            ("energy", energy_words.of(found.spent) if found.spent.HasField("joules") else ""),
            ("a step", energy_words.energy(found.joules_per_step) if found.HasField("joules_per_step") else ""),
            ("money", energy_words.cost(found.spent)),
            ("course", found.course_sentence),
            ("started", wording.moment(found.started)),
            ("ended", wording.moment(found.ended)),
            ("took", shown["took"]),
            ("version", f"{found.voice}@{found.to_version}" if found.to_version else shown["made"]),
        )
    )
    if settings := run_rows.settings(found):
        print()
        output.table(("setting", "value"), sorted((name, value) for name, value in settings.items()))


def _checkpoints(found: pb.CheckpointsResponse, json: bool) -> None:
    """The table of a run's checkpoints; or why there is none."""
    if json:
        output.json(found)
        return
    if found.checkpoints:
        columns = checkpoint_rows.infos(found)
        rows = (checkpoint_rows.cells(one, columns) for one in found.checkpoints)
        output.table(checkpoint_rows.head(columns), rows)
    output.line(output.safe(found.sentence))
    for line in found.lines:
        output.line(output.safe(f"“{line.text}”"))
