"""One module a group of commands, each with a Typer `app`. `tui.cli` loads only the module that is asked for: a command
starts quickly."""
