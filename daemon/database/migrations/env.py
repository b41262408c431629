"""Alembic's entry: uses the connection that `daemon.database.migrations.upgrade` hands over, or opens MYNA_HOME's
database for the command line."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from daemon.database import comparison_rows as _comparison_rows  # noqa: F401  (the schema is all rows that are imported)
from daemon.database import consent_rows as _consent_rows  # noqa: F401  (and so here)
from daemon.database import experiment_rows as _experiment_rows  # noqa: F401  (and so here)
from daemon.database import point_rows as _point_rows  # noqa: F401  (and so here)
from daemon.database import rating_rows as _rating_rows  # noqa: F401  (and so here)
from daemon.database import remote_rows as _remote_rows  # noqa: F401
from daemon.database.models import Row
from proto.home import home


def run(connection: Connection) -> None:
    # batch mode: SQLite cannot alter tables in place
    context.configure(connection=connection, target_metadata=Row.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(f"sqlite:///{home() / 'myna.db'}").begin() as opened:
        run(opened)
