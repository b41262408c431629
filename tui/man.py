"""Man pages of the command line, made from the same text as `--help`: a page for `myna`, one for each of its commands,
and one for `mynad`."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import typer

from proto.channel import ClientError

SLOW = 60  #: seconds in which `mynad --help` answers, also on a cold disk
ENVIRONMENT = {
    "MYNA_HOME": "State folder of a local daemon.",
    "MYNA_HOST": "Address of a remote daemon.",
    "MYNA_TOKEN": "Its token, or @FILE that holds it.",
    "MYNA_SSH": "Where a daemon is reached through SSH.",
    "NO_COLOR": "No colours, if it is set.",
    "MYNA_DEBUG": "1: a bug in Myna shows its traceback.",
}
EXIT = {"0": "It worked.", "1": "It failed.", "2": "It was called wrongly.", "130": "Ctrl-C."}


def pages(root: Any, version: str, day: datetime.date) -> dict[str, str]:
    """Every page: file name ("myna-train.1") → its text in man's language. `root` is the command that `tui.cli.app`
    makes, of all commands; `day` is printed at the foot."""
    foot = f'"{day:%Y-%m-%d}" "Myna {version}"'
    names = list(root.commands)
    made = {"myna.1": _first(root, names, foot)}
    for name in names:
        made[f"myna-{name}.1"] = _page(root, f"myna {name}", root.commands[name], foot)
    made["mynad.8"] = _daemon(foot)
    return made


def _first(root: Any, names: Iterable[str], foot: str) -> str:
    lines = [*_head("myna", 1, foot, root), ".SH SYNOPSIS", ".B myna", "[options] [command]", *_described(root)]
    lines += [".SH COMMANDS", "Each has a page of its own: myna\\-COMMAND(1)."]
    for name in names:
        lines += [".TP", f".B {escaped(name)}", escaped(_summary(root.commands[name]))]
    lines += _options(root, "myna")
    for heading, facts in (("ENVIRONMENT", ENVIRONMENT), ("EXIT STATUS", EXIT)):
        lines.append(f".SH {heading}")
        for name, meaning in facts.items():
            lines += [".TP", f".B {escaped(name)}", escaped(meaning)]
    return "\n".join([*lines, ".SH SEE ALSO", "mynad(8)", ""])


def _page(root: Any, path: str, command: Any, foot: str) -> str:
    lines = [*_head(path.replace(" ", "-"), 1, foot, command), ".SH SYNOPSIS", *_synopsis(path, command)]
    lines += [*_described(command), *_options(command, path)]
    below = list(_below(path, command))
    if below:
        lines.append(".SH COMMANDS")
    for name, one in below:
        lines += [f'.SS "{escaped(name)}"', *_synopsis(name, one), ".PP", *_paragraphs(one), *_listed(one, name)]
    return "\n".join([*lines, ".SH SEE ALSO", "myna(1)", ""])


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Commands of a command, at any depth, with what is typed for them."""
    for name, one in getattr(command, "commands", {}).items():
        if not one.hidden:
            yield f"{path} {name}", one
            yield from _below(f"{path} {name}", one)


def _head(name: str, section: int, foot: str, command: Any) -> list[str]:
    return [
        f'.TH "{escaped(name.upper())}" {section} {foot} "Myna"',
        ".SH NAME",
        f"{escaped(name)} \\- {escaped(_summary(command))}",
    ]


def _synopsis(path: str, command: Any) -> list[str]:
    usage = command.collect_usage_pieces(typer.Context(command, info_name=path))
    return [f".B {escaped(path)}", escaped(" ".join(usage))]


def _summary(command: Any) -> str:
    """Its first sentence, without the full stop."""
    first = " ".join((command.help or "").split("\n\n")[0].split())
    return re.split(r"(?<=[a-z\d)])\.(?: |$)", first, maxsplit=1)[0]


def _described(command: Any) -> list[str]:
    return [".SH DESCRIPTION", *_paragraphs(command)]


def _paragraphs(command: Any) -> list[str]:
    lines: list[str] = []
    for paragraph in (command.help or "").strip().split("\n\n"):
        lines += [".PP", escaped(" ".join(paragraph.split()))]
    return lines[1:]


def _options(command: Any, path: str) -> list[str]:
    listed = _listed(command, path)
    return [".SH OPTIONS", *listed] if listed else []


def _listed(command: Any, path: str) -> list[str]:
    """Arguments and options, under the headings that the help has."""
    context = typer.Context(command, info_name=path, help_option_names=["-h", "--help"])
    shown = [one for one in command.get_params(context) if not getattr(one, "hidden", False)]
    lines: list[str] = []
    panels = {one: getattr(one, "rich_help_panel", None) or "" for one in shown}
    for panel, members in groupby(sorted(shown, key=lambda one: panels[one] != ""), key=panels.__getitem__):
        if panel:
            lines += [".PP", f".I {escaped(panel)}"]
        for one in members:
            if record := one.get_help_record(context):
                lines += [".TP", f".B {escaped(record[0])}", escaped(" ".join(record[1].split()) or "\u00a0")]
            elif one.param_type_name == "argument":
                lines += [".TP", f".B {escaped(one.make_metavar(context))}", escaped(one.help or "\u00a0")]
    return lines


def _daemon(foot: str) -> str:
    """Of mynad, whose help only it can make. Raises ClientError."""
    asked = subprocess.run(
        [sys.executable, "-m", "daemon.main", "--help"], capture_output=True, text=True, timeout=SLOW, check=False
    )
    if asked.returncode:
        raise ClientError("mynad does not say its help.", "Try `mynad --help`.", "FAILED_PRECONDITION")
    return "\n".join(
        [
            f'.TH "MYNAD" 8 {foot} "Myna"',
            ".SH NAME",
            "mynad \\- Myna's daemon",
            ".SH DESCRIPTION",
            ".nf",
            *(escaped(line) for line in asked.stdout.rstrip().splitlines()),
            ".fi",
            ".SH EXIT STATUS",
            "0: ended in order. 1: a part of it failed, and starting it again may help. 2: it cannot start as it is",
            "configured.",
            ".SH SEE ALSO",
            "myna(1)",
            "",
        ]
    )


def escaped(text: str) -> str:
    """As man shows it letter for letter."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\\&" + plain if plain.startswith(".") else plain


def write(made: dict[str, str], to: Path) -> list[Path]:
    """The pages into `to`/man1 and `to`/man8; the files. Raises OSError."""
    files = []
    for name, text in made.items():
        file = to / f"man{name[-1]}" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        files.append(file)
    return files
