"""How Whisper computes in so much free memory: values in, values out."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_whisper import TINY, build

from engines.transcription.room import (
    LARGE,
    MOST,
    WORKERS,
    Precision,
    Size,
    Way,
    choose_way,
    fits,
    needed,
    say,
    smaller,
    ways,
)

pytestmark = pytest.mark.unit

GB = 1_000_000_000
#: What CTranslate2 tells of a GPU of today, of one that has no half precision, and of a CPU.
MODERN = frozenset({"float32", "float16", "bfloat16", "int8", "int8_float32", "int8_float16"})
PASCAL = frozenset({"float32", "int8", "int8_float32"})
CPU = frozenset({"float32", "int8", "int8_float32"})
SMALL = Size(244_000_000, 768, 12, 12)


@pytest.mark.parametrize(
    ("gigabytes", "precision", "at_once"),
    [
        (24, "float16", 8),
        (8.3, "float16", 8),
        (8.2, "float16", 4),
        (6.6, "float16", 4),
        (6.5, "int8_float16", 4),
        (4.9, "int8_float16", 4),
        (4.8, "int8_float16", 2),
        (4.1, "int8_float16", 2),
        (4.0, "int8_float16", 1),
        (3.6, "int8_float16", 1),
    ],
)
def test_the_table_of_the_documentation(gigabytes: float, precision: str, at_once: int) -> None:
    """docs/datasets.md, "How Whisper computes": large-v3 on a GPU."""
    assert choose_way(round(gigabytes * GB), LARGE, "cuda", MODERN, 8) == Way("cuda", Precision(precision), at_once)


def test_a_gpu_with_too_little_has_no_way_and_a_cpu_always_has_one() -> None:
    assert choose_way(3 * GB, LARGE, "cuda", MODERN, 8) is None
    assert choose_way(0, LARGE, "cuda", frozenset(), 8) is None
    assert choose_way(0, LARGE, "cpu", CPU, 8) == Way("cpu", Precision.INT8, 1, 1, 8)


def test_what_a_way_takes_is_what_was_measured() -> None:
    """README of faster-whisper: large-v2, one clip at a time, on a V100: 4,755 and 3,091 MB; small on a CPU: 995 MB."""
    assert needed(Way("cuda", Precision.FLOAT16, 1), LARGE) == pytest.approx(4_755e6, rel=0.05)
    assert needed(Way("cuda", Precision.INT8_FLOAT16, 1), LARGE) == pytest.approx(3_091e6, rel=0.05)
    assert needed(Way("cpu", Precision.INT8, 1), SMALL) == pytest.approx(995e6, rel=0.1)


def test_a_gpu_without_half_precision_computes_in_what_it_has() -> None:
    assert choose_way(24 * GB, LARGE, "cuda", PASCAL, 8) == Way("cuda", Precision.FLOAT32)
    assert choose_way(7 * GB, LARGE, "cuda", PASCAL, 8) == Way("cuda", Precision.INT8, 4)


@pytest.mark.parametrize(
    ("threads", "gigabytes", "way"),
    [
        (1, 32, Way("cpu", Precision.INT8, 8, 1, 1)),
        (2, 32, Way("cpu", Precision.INT8, 8, 1, 2)),
        (7, 32, Way("cpu", Precision.INT8, 8, 1, 7)),
        (8, 32, Way("cpu", Precision.INT8, 4, 2, 4)),
        (16, 32, Way("cpu", Precision.INT8, 2, 4, 4)),
        (64, 32, Way("cpu", Precision.INT8, 2, 4, 8)),
        (16, 7, Way("cpu", Precision.INT8, 4, 1, 8)),
        (2, 4, Way("cpu", Precision.INT8, 2, 1, 2)),
    ],
)
def test_a_cpu_has_several_workers_where_it_has_threads_and_memory_for_them(
    threads: int, gigabytes: int, way: Way
) -> None:
    assert choose_way(gigabytes * GB, LARGE, "cpu", CPU, threads) == way


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("size", [LARGE, SMALL])
@pytest.mark.parametrize("threads", [1, 2, 8, 64])
def test_all_memory_gives_a_way_that_fits_and_more_memory_never_a_worse_one(
    device: str, size: Size, threads: int
) -> None:
    there = ways(device, MODERN if device == "cuda" else CPU, threads)
    supported, places = MODERN if device == "cuda" else CPU, []
    for free in range(GB // 2, 24 * GB, GB // 4):
        way = choose_way(free, size, device, supported, threads)
        if way is None:
            assert not any(fits(one, free, size) for one in there)
            continue
        assert fits(way, free, size) or (device == "cpu" and way == there[-1])
        assert way.at_once * way.workers <= MOST + WORKERS
        assert way.threads * way.workers <= max(threads, 1)
        places.append(there.index(way))
    assert places == sorted(places, reverse=True)


@pytest.mark.parametrize("first", [Way("cuda", Precision.FLOAT16), Way("cpu", Precision.INT8, 2, 4, 4)])
def test_where_memory_runs_out_the_next_way_takes_less_and_the_last_has_none(first: Way) -> None:
    way, chain = first, [first]
    while (after := smaller(way, LARGE, MODERN, 16)) is not None:
        way = after
        chain.append(way)
    assert way.at_once == way.workers == 1
    assert all(needed(b, LARGE) < needed(a, LARGE) for a, b in itertools.pairwise(chain))
    assert len(chain) >= 4


def test_a_models_size_is_told_by_the_names_and_shapes_in_its_file(tmp_path: Path) -> None:
    one, other = (Size.of(build(tmp_path / f"{n}", replace(TINY, text_tokens=n))) for n in (300, 500))
    assert (one.width, one.heads, one.layers) == (16, 1, 1)
    # of a token more: a row of the embedding with its scale, and a bias; rows are filled up to whole eights
    assert other.parameters - one.parameters == pytest.approx(200 * (16 + 1 + 1), rel=0.05)
    assert Size.of(build(tmp_path / "deep", replace(TINY, width=128, layers=3))) == replace(
        Size.of(tmp_path / "deep"), width=128, heads=2, layers=3
    )


def test_a_file_that_is_read_otherwise_counts_by_its_length(tmp_path: Path) -> None:
    assert Size.of(tmp_path).parameters == 0, "whoever loads it says that there is none"
    (tmp_path / "model.bin").write_bytes(b"another thing" * 100)
    assert Size.of(tmp_path) == replace(LARGE, parameters=1_300)
    whole = (build(tmp_path / "whole") / "model.bin").read_bytes()
    (tmp_path / "model.bin").write_bytes(whole[:300])
    assert Size.of(tmp_path).parameters == 300


def test_a_way_in_words() -> None:
    assert say(Way("cpu", Precision.INT8)) == "in int8 on the CPU, 8 clips at a time"
    assert say(Way("cpu", Precision.INT8, 2, 4, 4)) == "in int8 on the CPU, 2 clips at a time by each of 4"
    assert say(Way("cuda", Precision.INT8_FLOAT16, 1)) == "in int8_float16 on the GPU, clip by clip"
