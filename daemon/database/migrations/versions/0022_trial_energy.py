"""What energy cost when an experiment began, and the jobs of trials that were trained with a part of their steps first:
what all jobs of a trial took is looked up when it is asked for. Experiments of before have no price of energy."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("experiments", sa.Column("per_kwh", sa.Double(), nullable=False, server_default="0"))
    op.add_column("experiments", sa.Column("rest_watts", sa.Double(), nullable=False, server_default="0"))
    op.add_column("trials", sa.Column("early_train_job", sa.Integer(), nullable=True))
    op.add_column("trials", sa.Column("early_evaluate_job", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("trials", "early_evaluate_job")
    op.drop_column("trials", "early_train_job")
    op.drop_column("experiments", "rest_watts")
    op.drop_column("experiments", "per_kwh")
