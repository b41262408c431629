"""What an hour cost when an experiment began, and its budget of money. Experiments of before have no price."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("experiments", sa.Column("per_hour", sa.Double(), nullable=False, server_default="0"))
    op.add_column("experiments", sa.Column("currency", sa.String(length=8), nullable=False, server_default=""))
    op.add_column("experiments", sa.Column("budget_money", sa.Double(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("experiments", "budget_money")
    op.drop_column("experiments", "currency")
    op.drop_column("experiments", "per_hour")
