"""What a version has of its own to turn into sound what it says. Of those of before it is not known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("versions", sa.Column("sound", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("versions", "sound")
