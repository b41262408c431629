"""Identity: a UUID for the home and for each run, so that a folder is not taken for a row's because its number fits;
adopted versions."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

import daemon.database.models

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    home = op.create_table(
        "home",
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("since", daemon.database.models.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("uuid"),
    )
    op.bulk_insert(home, [{"uuid": uuid.uuid4().hex, "since": daemon.database.models.now()}])
    op.add_column("runs", sa.Column("uuid", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE runs SET uuid = lower(hex(randomblob(16)))")
    op.add_column("versions", sa.Column("adopted", daemon.database.models.Moment(), nullable=True))


def downgrade() -> None:
    op.drop_column("versions", "adopted")
    op.drop_column("runs", "uuid")
    op.drop_table("home")
