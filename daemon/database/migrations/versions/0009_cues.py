"""When the text of a recording is said, of subtitles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recordings", sa.Column("cues", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("recordings", "cues")
