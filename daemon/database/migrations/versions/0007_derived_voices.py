"""Derived voices: what a voice was made from, and which clip of it a recording was made from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("voices", sa.Column("derivation", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("recordings", sa.Column("made_from", sa.Text(), nullable=False, server_default=""))
    op.create_index("recordings_made", "recordings", ["sha256"], sqlite_where=sa.text("made_from != ''"))


def downgrade() -> None:
    op.drop_index("recordings_made", "recordings")
    op.drop_column("recordings", "made_from")
    op.drop_column("voices", "derivation")
