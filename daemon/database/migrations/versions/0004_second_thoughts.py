"""Second thoughts: deleted voices, voices whose folders are on their way to a new name, what clips were before a person
changed them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import daemon.database.models

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("voices", sa.Column("deleted", daemon.database.models.Moment(), nullable=True))
    op.add_column("voices", sa.Column("renamed_from", sa.Text(), nullable=False, server_default=""))
    op.add_column("clips", sa.Column("before", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("clips", "before")
    op.drop_column("voices", "renamed_from")
    op.drop_column("voices", "deleted")
