"""Steps that are recorded say what plain ones say; where they do not, or raise, the plain way is gone. In place of a
card's graph a callable is recorded and called again, or torch's operations are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_decoder import CHANNELS, SmallDecoder

from engines.autoregressive import graphs
from engines.autoregressive.decode import GROWTH, Batch, Next
from engines.autoregressive.graphs import PLAIN_FIRST, Captures, Tensors, compare
from engines.autoregressive.synthesis import FIRST_CHUNK
from engines.fast_paths import card
from engines.fast_paths.proving import Proofs
from engines.fast_paths.record import Card, FastPath, Outcome, Records
from tests.pretend_gpu.recorded import RecordedCall, RecordedOperations

CPU = torch.device("cpu")
VOICE = torch.ones(1, 3, CHANNELS)
CARD = Card("Pretended 1", "GPU-1", "600.1", "2.13")


def raises(error: Exception) -> None:
    raise error


class Frozen(RecordedCall):
    """A graph that gives the same for ever: what a wrong address looks like."""

    def replay(self) -> None:
        work, self._work = self._work, lambda: self._first
        if not hasattr(self, "_first"):
            self._first = tuple(tensor.clone() for tensor in work())
        super().replay()
        self._work = work


class Unrecordable(RecordedCall):
    """A graph that some kernel cannot be recorded in."""

    def record(self, work: Callable[[], Tensors]) -> Tensors:
        raise RuntimeError("operation not permitted when stream is capturing")


def captured(kind: type[RecordedCall | RecordedOperations], failed: Callable[[Exception], None] = raises) -> Captures:
    """Steps that are recorded at once."""
    return Captures(lambda: kind(CPU), failed, plain_first=0)


def steps(batch: Batch, count: int) -> list[Next]:
    """The same codes, whatever is said."""
    rows, start = batch.rows, batch.column
    return [
        batch.step([(start + number + row) % 30 for row in range(rows)], [number + 1] * rows) for number in range(count)
    ]


def alike(one: list[Next], other: list[Next]) -> bool:
    return all(
        torch.allclose(a, b, atol=1e-5) for pair in zip(one, other, strict=True) for a, b in zip(*pair, strict=True)
    )


@pytest.mark.parametrize("kind", [RecordedCall, RecordedOperations])
@torch.inference_mode()
def test_recorded_steps_say_what_plain_ones_do_while_rows_come_and_go(
    kind: type[RecordedCall | RecordedOperations],
) -> None:
    decoder = SmallDecoder()
    plain, recorded = Batch(decoder, VOICE), Batch(decoder, VOICE, captured(kind))
    said: list[list[Next]] = [[], []]
    for batch, heard in zip((plain, recorded), said, strict=True):
        heard.append(batch.join([decoder.prompt([3, 4, 5])]))
        heard += steps(batch, 3)
        heard.append(batch.join([decoder.prompt([7] * 9), decoder.prompt([8, 9])]))
        heard += steps(batch, GROWTH + 3)
        batch.leave(1)
        heard += steps(batch, 3)
        batch.leave(0)
        heard += steps(batch, 2)
    assert alike(*said)


@torch.inference_mode()
def test_a_step_is_recorded_once_for_a_block_and_its_rows() -> None:
    decoder = SmallDecoder()
    before = RecordedCall.made
    batch = Batch(decoder, VOICE, captured(RecordedCall))
    batch.join([decoder.prompt([3, 4, 5])])
    steps(batch, GROWTH - 1)
    assert RecordedCall.made == before + 1
    steps(batch, 2)
    assert RecordedCall.made == before + 2, "the block grew"
    batch.join([decoder.prompt([3, 4, 5])])
    steps(batch, 2)
    assert RecordedCall.made == before + 3, "there is another row"


@torch.inference_mode()
def test_the_first_steps_do_not_wait_for_one_to_be_recorded() -> None:
    decoder, before = SmallDecoder(), RecordedCall.made
    batch = Batch(decoder, VOICE, Captures(lambda: RecordedCall(CPU), raises))
    batch.join([decoder.prompt([3, 4, 5])])
    steps(batch, FIRST_CHUNK)
    batch.join([decoder.prompt([3, 4, 5])])
    steps(batch, PLAIN_FIRST)
    assert RecordedCall.made == before, "a sentence that others join once it is heard has none"
    steps(batch, 3)
    assert RecordedCall.made == before + 1


@torch.inference_mode()
def test_what_was_said_stays_when_more_is_said() -> None:
    decoder = SmallDecoder()
    batch = Batch(decoder, VOICE, captured(RecordedCall))
    batch.join([decoder.prompt([3])])
    [first] = steps(batch, 1)
    kept = first.latents.clone()
    steps(batch, 3)
    assert torch.equal(first.latents, kept)


@torch.inference_mode()
def test_a_step_that_cannot_be_recorded_is_said_the_plain_way_and_told() -> None:
    decoder, told = SmallDecoder(), list[Exception]()
    plain = Batch(decoder, VOICE)
    batch = Batch(decoder, VOICE, captured(Unrecordable, told.append))
    for each in (plain, batch):
        each.join([decoder.prompt([3, 4])])
    assert alike(steps(plain, 4), steps(batch, 4))
    assert len(told) == 1, "once, and not tried again"


def test_the_proof_tells_equal_from_different_and_raises_what_a_graph_raises() -> None:
    decoder = SmallDecoder()
    assert compare(decoder, VOICE, lambda: RecordedCall(CPU)).equal
    assert not compare(decoder, VOICE, lambda: Frozen(CPU)).equal
    with pytest.raises(RuntimeError, match="capturing"):
        compare(decoder, VOICE, lambda: Unrecordable(CPU))


def test_without_a_card_nothing_is_proved_or_recorded() -> None:
    assert graphs.captures(SmallDecoder(), VOICE) is None


def test_a_graph_that_fails_at_work_is_not_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proofs = Proofs(CARD, tmp_path / "fast_paths.json")
    monkeypatch.setattr(card, "proofs", lambda device: proofs)
    monkeypatch.setattr(graphs, "CudaGraph", RecordedCall)
    decoder = SmallDecoder()
    found = graphs.captures(decoder, VOICE)
    assert found is not None
    monkeypatch.setattr(graphs, "CudaGraph", Unrecordable)
    with torch.inference_mode():
        batch = Batch(decoder, VOICE, found)
        batch.join([decoder.prompt([3])])
        steps(batch, PLAIN_FIRST + 2)
    assert graphs.captures(decoder, VOICE) is None
    [known] = Records(tmp_path / "fast_paths.json").all()
    assert (known.path, known.outcome) == (FastPath.GRAPHS, Outcome.RAISED)
    assert "capturing" in known.error


def test_memory_that_is_short_says_nothing_against_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    proofs = Proofs(CARD, None)
    monkeypatch.setattr(card, "proofs", lambda device: proofs)
    monkeypatch.setattr(graphs, "CudaGraph", RecordedCall)
    decoder = SmallDecoder()
    found = graphs.captures(decoder, VOICE)
    assert found is not None

    def full(device: torch.device) -> RecordedCall:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(graphs, "CudaGraph", full)
    with torch.inference_mode():
        batch = Batch(decoder, VOICE, found)
        batch.join([decoder.prompt([3])])
        assert len(steps(batch, PLAIN_FIRST + 2)) == PLAIN_FIRST + 2
    assert graphs.captures(decoder, VOICE) is not None


class FakeCuda:
    """What of torch.cuda a graph is made with; writes down in which order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[str] = []
        outer = self

        class Stream:
            def __init__(self, device: object, name: str = "aside") -> None:
                self.name = name

            def wait_stream(self, other: Stream) -> None:
                outer.told.append(f"{self.name} waits for {other.name}")

        class CUDAGraph:
            def replay(self) -> None:
                outer.told.append("replayed")

        class Entered:
            def __init__(self, what: str) -> None:
                self.what = what

            def __enter__(self) -> None:
                outer.told.append(f"into {self.what}")

            def __exit__(self, *_: object) -> None:
                outer.told.append(f"out of {self.what}")

        for name, stand_in in {
            "Stream": Stream,
            "CUDAGraph": CUDAGraph,
            "current_stream": lambda: Stream(None, "here"),
            "device": lambda device: Entered(f"{device}"),
            "stream": lambda stream: Entered(f"stream {stream.name}"),
            "graph": lambda graph, stream, capture_error_mode: Entered(f"capture {stream.name} {capture_error_mode}"),
        }.items():
            monkeypatch.setattr(torch.cuda, name, stand_in)
        monkeypatch.setattr(graphs, "_stream", graphs._stream.__wrapped__)  # nobody else is to get this one


def test_a_step_is_done_once_beside_the_others_before_it_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda(monkeypatch)
    graph = graphs.CudaGraph(torch.device("cuda", 1))
    nothing = Next(torch.zeros(1), torch.zeros(1))

    def work() -> Tensors:
        cuda.told.append("works")
        return nothing

    assert graph.record(work) is nothing
    graph.replay()
    assert cuda.told == [
        "into cuda:1", "aside waits for here", "into stream aside", "works", "out of stream aside",
        "here waits for aside", "into capture aside thread_local", "works", "out of capture aside thread_local",
        "out of cuda:1", "into cuda:1", "replayed", "out of cuda:1",
    ]  # fmt: skip
