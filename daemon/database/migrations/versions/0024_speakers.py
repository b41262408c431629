"""Whom a person called a voice's own speaker, and the language that was heard of a voice whose voice.toml leaves it to
be heard. Voices of before have neither: the speaker is told from the recordings, and the language was given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("voices", sa.Column("own_speaker", sa.LargeBinary(), nullable=True))
    op.add_column("voices", sa.Column("heard_language", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("voices", "heard_language")
    op.drop_column("voices", "own_speaker")
