"""The file with the token that callers over a network must know."""

from __future__ import annotations

from pathlib import Path

from daemon.errors import BadRequest

#: characters a token must have: shorter ones can be guessed
TOKEN_LENGTH = 16


def token(path: Path) -> str:
    """What it holds. Raises BadRequest for a file that others can read, or a token that could be guessed."""
    try:
        mode, token = path.stat().st_mode, path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"The token_file {path} cannot be read: {error}.") from None
    if mode & 0o077:
        raise BadRequest(f"Other users can read the token_file {path}.", f"`chmod 600 {path}`.")
    if len(token) < TOKEN_LENGTH:
        raise BadRequest(
            f"The token in {path} is shorter than {TOKEN_LENGTH} characters.",
            "`openssl rand -hex 32` makes a good one.",
        )
    return token
