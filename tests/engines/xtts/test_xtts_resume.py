"""SIGKILL on the way changes no bit of what XTTS learns, whole or by adapters."""

from __future__ import annotations

from pathlib import Path

import pytest
from killed_run import check_bit_for_bit

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    "rank", [pytest.param("0", id="full", marks=pytest.mark.long), pytest.param("4", id="lora", marks=pytest.mark.slow)]
)
def test_a_killed_training_ends_with_the_same_weights_bit_for_bit(rank: str, tiny: Path, tmp_path: Path) -> None:
    check_bit_for_bit(HERE / "xtts_run.py", tmp_path, MYNA_XTTS_BASE=str(tiny), XTTS_LORA_RANK=rank)
