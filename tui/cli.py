"""`myna`: global options, which module holds which command, and what a person sees when something goes wrong.

Exit codes: 0 it worked, 1 it failed, 2 wrong usage, 130 Ctrl-C. A traceback is shown only with MYNA_DEBUG=1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

os.environ.setdefault(
    "GRPC_VERBOSITY", "NONE"
)  # before grpc: its C core writes to the terminal, and we say the same in words

import typer

from proto.channel import ClientError
from tui import global_options, output, session

#: module under tui.commands → its commands, in the order of the help
COMMANDS = {
    "daemon": ("up", "down"),
    "status": ("status", "watch"),
    "add": ("add",),
    "recordings": ("recordings", "remove", "restore"),
    "datasets": ("datasets", "clips", "clip"),
    "train": ("train",),
    "derive": ("derive",),
    "experiments": ("experiment", "experiments"),
    "jobs": ("jobs", "job", "logs", "cancel", "pause", "resume", "retry", "bump", "clear"),
    "runs": ("runs", "run"),
    "costs": ("cost", "budget"),
    "voices": ("voices", "versions", "version", "promote", "archive", "rollback", "compare"),
    "people": ("people", "share", "unshare"),
    "usage": ("usage",),
    "one_voice": ("voices",),
    "purge": ("purge",),
    "clean": ("clean",),
    "idle": ("idle",),
    "ratings": ("rate", "unrate", "ratings"),
    "say": ("say",),
    "convert": ("convert",),
    "watermark": ("watermark",),
    "serve": ("serve",),
    "packages": ("export", "import"),
    "push": ("push", "pull"),
    "engines": ("engines",),
    "doctor": ("doctor",),
    "notify": ("notify",),
    "adopt": ("adopt",),
    "upkeep": ("backup", "check"),
    "completion": ("completion",),
    "man": ("man",),
    "report_bug": ("report-bug",),
}

#: how protobuf begins a ValueError about a number that no field of a message can carry; it has no class for it
TOO_BIG = "Value out of range: "

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
HELP = """A voice workshop: drop recordings in, hear the voice come out.

Alone, `myna` opens the dashboard, and starts the local daemon if none runs.
"""


def app(arguments: Sequence[str]) -> typer.Typer:
    """The command line, with the modules of the commands that are named in `arguments` (all when none is: for help and
    completion)."""
    root = typer.Typer(
        name="myna",
        help=HELP,
        rich_markup_mode="rich",
        # `myna completion` prints the script, for every shell; Typer's own part is needed only when the shell asks
        add_completion="_MYNA_COMPLETE" in os.environ,
        pretty_exceptions_enable=False,
        context_settings=CONTEXT,
    )
    root.callback(invoke_without_command=True)(everywhere)
    named = [module for module, commands in COMMANDS.items() if not set(commands).isdisjoint(arguments)]
    for module in (named or COMMANDS) if arguments or "_MYNA_COMPLETE" in os.environ else ():
        root.add_typer(import_module(f"tui.commands.{module}").app)
    return root


def without_types_of_flags(command: Any) -> None:
    """Let `--help` show no `<bool>` beside a flag, of a command and all below it. (A flag takes no value.)"""
    for option in command.get_params(typer.Context(command, **CONTEXT)):
        if getattr(option, "is_flag", False) and option.metavar is None:
            option.metavar = ""
    for below in getattr(command, "commands", {}).values():
        without_types_of_flags(below)


def everywhere(
    ctx: typer.Context,
    host: global_options.Host = None,
    ssh: global_options.Ssh = None,
    ssh_home: global_options.SshHome = None,
    token: global_options.Token = None,
    home: global_options.Home = None,
    tls_ca: global_options.TlsCa = None,
    tls_cert: global_options.TlsCert = None,
    tls_key: global_options.TlsKey = None,
    tls_name: global_options.TlsName = None,
    readonly: global_options.Readonly = False,
    once: global_options.Once = False,
    version: global_options.Version = False,
) -> None:
    if version:
        from importlib.metadata import PackageNotFoundError
        from importlib.metadata import version as installed

        try:
            print(f"myna {installed('myna-voice')}")
        except PackageNotFoundError:
            print("myna (from a checkout that is not installed)")
        raise typer.Exit()
    try:
        session.choose(host, token, home, tls_ca, tls_cert, tls_key, tls_name, ssh, ssh_home)
    except ClientError as problem:
        raise typer.BadParameter(str(problem)) from None
    if ctx.invoked_subcommand is None:
        if once or not on_terminal():
            from tui.commands.status import overview

            overview(start=not readonly)
        else:
            from tui.dashboard import settings

            chosen = settings.read()
            from tui import app as dashboard

            if code := dashboard.run(session.where(), chosen, readonly=readonly):
                raise typer.Exit(code)


def on_terminal() -> bool:
    """Can a full-screen picture be shown?"""
    return (
        all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
        and os.environ.get("TERM", "dumb") != "dumb"
    )


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code."""
    try:
        command = typer.main.get_command(app(arguments))
        without_types_of_flags(command)
        command(arguments, prog_name="myna")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except ClientError as problem:
        output.error(problem, "--json" in arguments)
        return 2 if problem.code == "INVALID_ARGUMENT" else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        raise
    except OSError as refused:
        sentence = f"{refused.filename or 'The output'} cannot be used: {refused.strerror or refused}."
        output.error(ClientError(sentence, "Fix that, then try again.", "FAILED_PRECONDITION"), "--json" in arguments)
        return 1
    except Exception as mistake:
        if os.environ.get("MYNA_DEBUG"):
            raise
        if str(mistake).startswith(TOO_BIG):
            number = str(mistake).removeprefix(TOO_BIG)
            output.error(
                ClientError(f"{number} is too large a number.", "Give a smaller number.", "INVALID_ARGUMENT"),
                "--json" in arguments,
            )
            return 2
        hint = "This is a bug in Myna. MYNA_DEBUG=1 shows where it is; please report it."
        output.error(ClientError(f"{type(mistake).__name__}: {mistake}", hint, "INTERNAL"), "--json" in arguments)
        return 1
    finally:
        session.close()
    return 0


def main() -> NoReturn:
    """The command `myna`."""
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has gone: nobody is left to tell
        code = 1
    except OSError as refused:
        output.error(ClientError(f"The output cannot be written: {refused.strerror}.", "", "FAILED_PRECONDITION"))
        code = 1
    sys.stderr.flush()
    os._exit(code)  # all is closed and written by now; taking the interpreter apart would cost a fifth of `myna status`


if __name__ == "__main__":
    main()
