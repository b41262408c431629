"""The schema's history (Alembic). `upgrade` brings an older database to the newest revision; every released schema
stays openable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from daemon.database import copies
from daemon.database.sqlite import WRITES, check_schema
from daemon.errors import DatabaseForeign

if TYPE_CHECKING:
    from alembic.config import Config


def check_known(path: Path, revision: str) -> None:
    """Raises DatabaseForeign for a revision that is not of this history."""
    from alembic.script import ScriptDirectory

    history = ScriptDirectory.from_config(_config())
    known = {each.revision for each in history.walk_revisions()}
    if revision not in known:
        newest = history.get_current_head()
        sentence = (
            f"The database {path} was made by a newer Myna (schema {revision}). This one knows schemas up to {newest}."
        )
        hint = f"Install a Myna that knows schema {revision} again."
        if (copy := copies.fitting(path, known)) is not None:
            hint += f" Or lose what was done since, and go back: {copies.way_back(copy, path)}."
        raise DatabaseForeign(sentence, hint)


def upgrade(engine: Engine, revision: str | None = None) -> None:
    """Run what is missing since `revision`, in one transaction. Raises DatabaseForeign for a revision that is not of
    this history, and when tables are missing; nothing is changed then."""
    from alembic import command

    path, config = Path(str(engine.url.database)), _config()
    if revision is not None:
        check_known(path, revision)
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        check_schema(connection, path)


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
