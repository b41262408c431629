"""Which jobs hold a text that is to be forgotten in time: found without reading all that ever ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("has_text", sa.Boolean(), nullable=False, server_default="0"))
    # whether a transcription was given a prompt stands in its spec: the first cleaning looks, once
    op.execute("UPDATE jobs SET has_text = 1 WHERE kind = 'transcribe' OR (kind = 'speak' AND instr(title, '“') > 0)")
    op.create_index("jobs_texts", "jobs", ["ended"], sqlite_where=sa.text("has_text = 1"))


def downgrade() -> None:
    op.drop_index("jobs_texts", "jobs")
    op.drop_column("jobs", "has_text")
