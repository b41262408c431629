"""The schema's history (Alembic). `upgrade` brings an older database to the newest revision; every released schema stays openable."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from daemon.errors import MynaError


def upgrade(engine: Engine, revision: str | None = None) -> None:
    """Run what is missing since `revision`, in one transaction. Raises MynaError for a revision that is not of this history."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    if revision is not None and revision not in {known.revision for known in ScriptDirectory.from_config(config).walk_revisions()}:
        sentence = f"The database {engine.url.database} was made by a newer Myna (schema {revision})."
        raise MynaError(sentence, "Install that version again; nothing was changed.")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
