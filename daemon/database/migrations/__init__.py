"""The schema's history (Alembic). `upgrade` brings an older database to the newest revision; every released schema
stays openable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from daemon.database.sqlite import WRITES, check_schema
from daemon.errors import DatabaseForeign

if TYPE_CHECKING:
    from alembic.config import Config


def check_known(path: Path, revision: str) -> None:
    """Raises DatabaseForeign for a revision that is not of this history."""
    from alembic.script import ScriptDirectory

    if revision not in {known.revision for known in ScriptDirectory.from_config(_config()).walk_revisions()}:
        sentence = f"The database {path} was made by a newer Myna (schema {revision})."
        raise DatabaseForeign(sentence, "Install that version again.")


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
