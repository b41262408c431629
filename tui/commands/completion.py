"""`myna completion`: completion for the shell."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from proto.client import ClientError

app = typer.Typer()

SHELLS = ("bash", "zsh", "fish")
WHOLE_WORDS = "COMP_WORDBREAKS=${COMP_WORDBREAKS//@/}"  #: bash would take anna@7 for two words


@app.command(rich_help_panel="Set-up")
def completion(
    shell: Annotated[str, typer.Argument(help=f"{', '.join(SHELLS)}. Default: the one in $SHELL.")] = "",
) -> None:
    """Print the completion script of a shell.

    For bash, add this line to ~/.bashrc: eval "$(myna completion bash)"
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # kept there since its first versions

    chosen = shell or os.path.basename(os.environ.get("SHELL", ""))
    if chosen not in SHELLS:
        raise ClientError(
            f"There is no completion for the shell {chosen!r}.",
            f"There is completion for: {', '.join(SHELLS)}.",
            "INVALID_ARGUMENT",
        )
    if chosen == "bash":
        print(WHOLE_WORDS)
    print(get_completion_script(prog_name="myna", complete_var="_MYNA_COMPLETE", shell=chosen))
