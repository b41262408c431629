"""Alembic's entry: uses the connection that `daemon.database.migrations.upgrade` hands over, or opens MYNA_HOME's
database for the command line."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from daemon.database.schema import TABLES
from proto.home import home

#: Indexes over an expression (priority DESC), which Alembic cannot compare; a test does.
UNCOMPARED = {"jobs_live"}


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=TABLES,
        render_as_batch=True,  # SQLite cannot alter tables in place
        compare_type=True,
        include_object=lambda _object, name, *_: name not in UNCOMPARED,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(f"sqlite:///{home() / 'myna.db'}").begin() as opened:
        run(opened)
