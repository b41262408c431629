"""How a run's checkpoints sounded: the table, its lines, and why there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session
from voice_rows import version

from daemon.database.models import Run, now
from daemon.database.store import Store
from daemon.errors import NotFound
from daemon.state import checkpoints, runs
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration

NAMES = [letter * 64 for letter in "abcd"]


def selection() -> dict[str, Any]:
    """What a worker reports: what it began from, and two checkpoints, of which the earlier one was chosen."""

    def one(step: int, **scores: float) -> dict[str, Any]:
        sure = {"low": 0.2, "high": 0.9} if step != 8 else None
        return {"step": step, "score": 0.5 if sure else 0.0, "sure": sure, "lines": 4, "dnsmos": None, **scores}

    return {
        "step": 4,
        "by": "speech",
        "heard": [one(0, similarity=0.6), one(4, similarity=0.8, wer=0.1), one(8, similarity=0.7, wer=0.2)],
        "set_aside": 2,
        "recogniser": "somebody",
        "samples": [
            {
                "text": f"line {name[0]}",
                "files": {str(step): f"runs/1/selection/samples/{step or 'start'}/{name}.wav" for step in (8, 4, 0)},
            }
            for name in NAMES
        ],
    }


def run(store: Store, result: dict[str, Any], *, ended: bool = True, settings: dict[str, Any] | None = None) -> int:
    def given(session: Session) -> int:
        row = session.get_one(Run, version(session, 1).run)
        row.result, row.settings, row.best_step = result, settings or {}, 8
        row.ended = now() if ended else None
        losses = pb.Series(name="held_out/loss", steps=[0, 4, 8], values=[2.0, 1.5, 1.0])
        runs.add_points(session, row.id, [losses])
        return row.id

    return store.write_now(given)


def told(store: Store, id: int) -> pb.CheckpointsResponse:
    return store.read_now(lambda session: checkpoints.told(session, runs.get(session, id)))


def test_each_has_its_loss_its_gain_and_what_it_sounded_like(store: Store) -> None:
    found = told(store, run(store, {"selection": selection(), "outcome": "VERSION_MADE"}))
    start, early, late = found.checkpoints
    assert (start.step, start.loss, start.HasField("gain")) == (0, 2.0, False)
    assert (early.loss, early.gain, early.chosen, early.lowest_loss) == (1.5, 25.0, True, False)
    assert dict(early.metrics) == {"similarity": 0.8, "wer": 0.1}
    assert (early.score, early.low, early.high) == (0.5, 0.2, 0.9)
    assert (late.gain, late.lowest_loss, late.HasField("score")) == (50.0, True, False)
    assert found.sentence == (
        "Each said 4 lines that are not held out, 2 of them set aside from training. "
        "Step 4 sounds better than step 8, which has the lowest held-out loss."
    )
    assert [(line.name, line.text, list(line.steps)) for line in found.lines] == [
        (name, f"line {name[0]}", [0, 4, 8]) for name in NAMES[:3]
    ]


@pytest.mark.parametrize(
    ("result", "settings", "ended", "why", "words"),
    [
        ({}, {}, False, pb.NOT_HEARD_NOT_YET, "goes on"),
        ({}, {}, True, pb.NOT_HEARD_ENDED_BADLY, "did not end well"),
        ({"outcome": "NOTHING_NEW"}, {}, True, pb.NOT_HEARD_NOTHING_TRAINED, "nothing new to train on"),
        (
            {"outcome": "VERSION_MADE"},
            {"spoken_checkpoints": 0},
            True,
            pb.NOT_HEARD_NOT_ASKED,
            "Set spoken_checkpoints",
        ),
        ({"outcome": "VERSION_MADE", "selection": None}, {}, True, pb.NOT_HEARD_NOT_POSSIBLE, "the loss alone chose"),
    ],
)
def test_a_run_without_says_why(
    store: Store, result: dict[str, Any], settings: dict[str, Any], ended: bool, why: int, words: str
) -> None:
    found = told(store, run(store, result, ended=ended, settings=settings))
    assert (found.not_heard, len(found.checkpoints)) == (why, 0)
    assert words in found.sentence


def test_a_line_is_found_by_run_step_and_name_and_nothing_else(store: Store, tmp_path: Path) -> None:
    id = run(store, {"selection": selection(), "outcome": "VERSION_MADE"})
    wav = tmp_path / "runs/1/selection/samples/start" / f"{NAMES[0]}.wav"
    wav.parent.mkdir(parents=True)
    wav.write_bytes(b"sound")

    def sample(step: int, name: str) -> tuple[Path, str, str]:
        return store.read_now(lambda session: checkpoints.sample(session, id, step, name, tmp_path))

    assert sample(0, NAMES[0]) == (wav, f"what run #{id} began from", "line a")
    for step, name in ((4, NAMES[0]), (0, NAMES[1]), (0, "../" + NAMES[0]), (99, NAMES[0])):
        with pytest.raises(NotFound, match=r"is not here"):
            sample(step, name)


def test_of_a_run_that_was_averaged_the_parent_spoke_and_its_loss_is_not_known(store: Store) -> None:
    id = run(store, {"selection": selection(), "outcome": "VERSION_MADE"}, settings={"parent_share": 0.5})
    store.write_now(lambda session: setattr(session.get_one(Run, id), "from_version", 7))
    found = told(store, id)
    assert not found.checkpoints[0].HasField("loss")
    assert found.checkpoints[1].gain == 25.0
    assert "What spoke is averaged with anna@7, its parent" in found.sentence
    with pytest.raises(NotFound, match="of anna@7, the parent of run"):
        store.read_now(lambda session: checkpoints.sample(session, id, 0, "gone", Path()))
