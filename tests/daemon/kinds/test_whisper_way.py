"""How Whisper computes in a dataset job, by what is free, and so for all of the job."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.kinds.dataset import whisper_way
from daemon.kinds.dataset.whisper_way import Remembered, found_way, free_memory, goes_on_smaller
from engines.recognisers import ENVIRONMENT
from engines.transcription.room import Precision, Way
from tests.engines.transcription.tiny_whisper import build

pytestmark = pytest.mark.integration
GB = 1_000_000_000
GPU = frozenset({"float32", "float16", "int8", "int8_float16"})


class Lines:
    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def log(self, level: str, text: str) -> None:
        self.said.append((level, text))


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    build(tmp_path / "weights" / "whisper")
    return tmp_path / "weights"


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> dict[str, int | None]:
    """Bytes by device, to be changed."""
    there: dict[str, int | None] = {"cpu": 16 * GB, "cuda": 8 * GB}
    monkeypatch.setattr(whisper_way, "free_on", lambda device: there[device])
    return there


def test_on_this_cpu_it_is_int8_as_the_memory_allows_and_said(weights: Path, tmp_path: Path) -> None:
    lines = Lines()
    way = found_way(weights, Remembered(tmp_path / "heard", 7), 2, lines)
    assert way == Way("cpu", Precision.INT8, 8, 1, 2)
    ((level, text),) = lines.said
    assert level == "info"
    assert text.startswith("Whisper takes about 0.")
    assert text.endswith(" GB that are free.")


def test_without_a_model_there_is_no_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    assert found_way(tmp_path, Remembered(tmp_path / "heard", 7), 2, Lines()) is None
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    assert found_way(tmp_path, Remembered(tmp_path / "heard", 7), 2, Lines()) is None, "whoever loads it says why"
    assert not (tmp_path / "heard").exists()


def test_a_job_goes_on_as_it_began_while_there_is_room(
    weights: Path, tmp_path: Path, free: dict[str, int | None]
) -> None:
    began = found_way(weights, Remembered(tmp_path / "heard", 7), 16, Lines())
    assert began == Way("cpu", Precision.INT8, 2, 4, 4)
    free["cpu"] = 32 * GB
    assert found_way(weights, Remembered(tmp_path / "heard", 7), 2, Lines()) == began, "other threads, the same batches"
    assert found_way(weights, Remembered(tmp_path / "heard", 8), 2, Lines()) != began, "another job begins anew"
    free["cpu"], lines = 0, Lines()
    short = found_way(weights, Remembered(tmp_path / "heard", 7), 16, lines)
    assert short == Way("cpu", Precision.INT8, 1, 1, 8)
    assert ("warning", lines.said[0][1]) == lines.said[0]
    assert "memory is short" in lines.said[0][1]
    remembered = Remembered(tmp_path / "heard", 7)
    goes_on_smaller(remembered, lines, began, Way("cpu", Precision.INT8, 4, 1, 4))
    assert "Memory ran out, hearing in int8 on the CPU, 2 clips at a time by each of 4;" in lines.said[-1][1]
    assert remembered.read() == Way("cpu", Precision.INT8, 4, 1, 4)
    remembered.forget()
    assert remembered.read() is None
    (tmp_path / "heard" / "way-7.json").write_text('{"device": "cpu", "precision": "float8"}')
    assert remembered.read() is None


def test_in_which_precisions_a_job_computed_before_is_remembered(tmp_path: Path) -> None:
    remembered = Remembered(tmp_path / "heard", 7)
    assert remembered.earlier == []
    for precision in (Precision.FLOAT16, Precision.INT8_FLOAT16, Precision.INT8_FLOAT16, Precision.INT8):
        remembered.write(Way("cuda", precision))
    assert Remembered(tmp_path / "heard", 7).earlier == [Precision.INT8_FLOAT16, Precision.FLOAT16]
    remembered.write(Way("cuda", Precision.FLOAT16))
    assert remembered.earlier == [Precision.INT8, Precision.INT8_FLOAT16]
    assert remembered.read() == Way("cuda", Precision.FLOAT16)


def test_a_gpu_is_used_where_it_has_room_and_else_the_cpu_which_is_said(
    weights: Path, tmp_path: Path, free: dict[str, int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whisper_way, "whisper_device", lambda: "cuda")
    monkeypatch.setattr(whisper_way, "supported", lambda device: GPU)
    assert found_way(weights, Remembered(tmp_path / "heard", 1), 2, Lines()) == Way("cuda", Precision.FLOAT16)
    free["cuda"] = None
    assert found_way(weights, Remembered(tmp_path / "heard", 2), 2, Lines()) == Way("cuda", Precision.FLOAT16)
    free["cuda"], lines = GB, Lines()
    assert found_way(weights, Remembered(tmp_path / "heard", 3), 2, lines) == Way("cpu", Precision.INT8, 8, 1, 2)
    assert lines.said[0] == (
        "warning",
        "The GPU has 1.0 GB free, too little for Whisper: it is heard on the CPU, slowly.",
    )
    free["cuda"], lines = 8 * GB, Lines()
    assert found_way(weights, Remembered(tmp_path / "heard", 3), 2, lines) == Way("cpu", Precision.INT8, 8, 1, 2)
    assert lines.said == [], "what the job heard on the CPU would be other words on the GPU"
    monkeypatch.setattr(whisper_way, "whisper_device", lambda: "cpu")
    monkeypatch.setattr(whisper_way, "supported", lambda device: frozenset({"int8"}))
    assert found_way(weights, Remembered(tmp_path / "heard", 1), 2, lines) == Way("cpu", Precision.INT8, 8, 1, 2)
    assert lines.said[0][1].endswith("any more, as this job began: there is no GPU for it.")
    assert Remembered(tmp_path / "heard", 1).earlier == [Precision.FLOAT16]


def test_what_other_models_of_the_job_take_is_left_to_them(
    weights: Path, tmp_path: Path, free: dict[str, int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whisper_way, "whisper_device", lambda: "cuda")
    monkeypatch.setattr(whisper_way, "supported", lambda device: GPU)
    free["cuda"] = 3 * GB
    assert found_way(weights, Remembered(tmp_path / "heard", 1), 2, Lines()) == Way("cuda", Precision.FLOAT16)
    for job in (1, 2):  # one that had room for it, and one that begins
        way = found_way(weights, Remembered(tmp_path / "heard", job), 2, Lines(), 2 * GB)
        assert way is not None
        assert way.device == "cpu"
    free["cuda"] = None
    assert found_way(weights, Remembered(tmp_path / "heard", 3), 2, Lines(), 2 * GB) == Way("cuda", Precision.FLOAT16)


def test_free_memory_is_the_machines_within_what_the_container_may_take(tmp_path: Path) -> None:
    meminfo, limit, used = tmp_path / "meminfo", tmp_path / "max", tmp_path / "current"
    meminfo.write_text("MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\n")
    assert free_memory(meminfo, limit, used) == 8_000_000 * 1024
    limit.write_text("max\n")
    used.write_text("100\n")
    assert free_memory(meminfo, limit, used) == 8_000_000 * 1024
    limit.write_text(f"{4 * GB}\n")
    used.write_text(f"{GB}\n")
    assert free_memory(meminfo, limit, used) == 3 * GB
    used.write_text(f"{5 * GB}\n")
    assert free_memory(meminfo, limit, used) == 0
    assert free_memory() > 0
