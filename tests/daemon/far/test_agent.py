"""An agent alone, as a process: nobody here but the test reads and writes the shared folder."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from stepwise_worker import GATE, STEPS

from daemon.far import portable, runtime
from daemon.far.agent import CLAIMED, COMMITS, COMMITS_AT_ONCE, DONE, LEFT
from daemon.far.attempt_folder import AttemptFolder, Who
from daemon.far.far_home import ENVIRONMENT
from daemon.far.relay import PASSED_ON
from daemon.far.shared_store import SharedStore
from daemon.far.values import Difference, Ending, Item, Kept, Submission
from daemon.home import identity
from daemon.kinds.train.server import Train
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration
WORKER = str(Path(__file__).with_name("stepwise_worker.py"))
PATIENCE = 60.0  #: seconds


class Waiting:
    """Who waits for an attempt: shows life, and looks for what the agent publishes."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.gate = tmp_path / "home", tmp_path / "gate"
        self.gate.mkdir()
        monkeypatch.setenv(GATE, str(self.gate))
        monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "machine"))
        self.machine = tmp_path / "machine"
        self.store = SharedStore(f"file://{tmp_path}/shared")
        self.folder = AttemptFolder(self.store, "home", "7", 1)
        self._stop, self._read = threading.Event(), 0
        self._life = threading.Thread(target=self._live)
        self._agents: list[subprocess.Popen[str]] = []

    def submission(self, **changes: object) -> Submission:
        """A training on one clip, stored."""
        clip = self.home / "clips" / "a.flac"
        clip.parent.mkdir(parents=True, exist_ok=True)
        clip.write_text("sound 1")
        plan = wire.TrainPlan(
            voice="anna",
            run=1,
            run_dir=str(self.home / "runs" / "1"),
            out_dir=str(self.home / "voices" / "anna" / "1"),
            clips=[wire.ClipRef(sha256="a", path=str(clip))],
            run_uuid="run",
            home_uuid="home",
        )
        start = portable.relative(wire.Start(job=7, attempt=1, home=str(self.home), train=plan))
        made = Submission(
            home="home",
            job="7",
            attempt=1,
            start=start.SerializeToString(),
            inputs=(self.store.put(clip, "clips/a.flac"),),
            keeps=portable.keeps(start.train),
            environment={},
            runtime=runtime.here(),
            lease=3.0,
            poll=0.05,
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def submit(self, submission: Submission) -> None:
        """Write it down, and wait for it from now on."""
        self.folder.raise_fence()
        assert self.folder.submit(submission)
        self._life.start()

    def agent(self) -> subprocess.Popen[str]:
        """An agent at the attempt, that nobody minds."""
        arguments = ["-m", "daemon.far.agent", self.store.url, "home", "7", "1", WORKER]
        started = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.PIPE, text=True)
        self._agents.append(started)
        return started

    def ended(self, agent: subprocess.Popen[str]) -> tuple[int, str]:
        """Its exit code, and what it said."""
        _, said = agent.communicate(timeout=PATIENCE)
        return agent.returncode, said

    def until(self, said: str) -> None:
        """Until the worker has logged a line with this."""
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.05)):
            while (reports := self.folder.next("events", self._read + 1, wire.Report)) is not None:
                self._read += 1
                if any(said in one.log.text for one in reports):
                    return
            pause.wait(0.05)
        raise AssertionError(f"it never said {said!r}")

    def kept(self, step: int) -> Kept:
        """What it kept, once that is of this step."""
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.05)):
            kept = self.folder.kept()
            for item in kept.outputs if kept is not None else ():
                if item.path.endswith("state.json") and item.size == 1 and self._content(item) == str(step):
                    assert kept is not None
                    return kept
            pause.wait(0.05)
        raise AssertionError(f"it never kept step {step}")

    def _content(self, item: Item) -> str:
        place = self.home / "looked-at"
        self.store.fetch(item, place)
        return place.read_text()

    def stop_waiting(self) -> None:
        """As one that was killed."""
        self._stop.set()
        if self._life.is_alive():
            self._life.join()

    def close(self) -> None:
        self.stop_waiting()
        for agent in self._agents:
            agent.kill()
            agent.wait()

    def _live(self) -> None:
        while not self._stop.wait(0.2):
            self.folder.beat(Who.RELAY)


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Waiting]:
    made = Waiting(tmp_path, monkeypatch)
    yield made
    made.close()


def test_an_agent_does_its_attempt_and_a_second_one_finds_it_taken(waiting: Waiting, tmp_path: Path) -> None:
    waiting.submit(waiting.submission())
    first = waiting.agent()
    waiting.until("goes on from 0")
    assert waiting.ended(waiting.agent())[0] == CLAIMED
    (waiting.gate / "all").touch()
    assert waiting.ended(first)[0] == DONE
    result = waiting.folder.result()
    assert result is not None
    assert result.ending == Ending.SAID
    assert [one.WhichOneof("report") for one in result.said()] == ["trained", "done"]
    made = {item.path: item for item in result.outputs}
    waiting.store.fetch(made["voices/anna/1/weights"], tmp_path / "weights")
    assert (tmp_path / "weights").read_text() == f"sound 1|{STEPS}"


def test_a_frozen_agent_that_comes_back_after_the_next_attempt_began_has_no_result(waiting: Waiting) -> None:
    waiting.submit(waiting.submission())
    agent = waiting.agent()
    waiting.until("goes on from 0")
    agent.send_signal(19)
    waiting.folder.other(2).raise_fence()
    (waiting.gate / "all").touch()
    agent.send_signal(18)
    code, said = waiting.ended(agent)
    assert (code, waiting.folder.has_result()) == (LEFT, False)
    assert "a later attempt has the job" in said or "attempt 2 has the job" in said


def test_an_agent_that_nobody_waits_for_ends_and_keeps_what_is_done(waiting: Waiting) -> None:
    waiting.submit(waiting.submission())
    (waiting.gate / "1").touch()
    agent = waiting.agent()
    kept = waiting.kept(2)
    waiting.stop_waiting()
    code, said = waiting.ended(agent)
    assert (code, waiting.folder.has_result()) == (LEFT, False)
    assert "nobody waits for it any more" in said
    assert waiting.folder.kept() == kept


def test_another_runtime_is_refused_and_the_difference_named(waiting: Waiting) -> None:
    ours = runtime.here()
    other = replace(ours, packages={**ours.packages, "torch": "1.0"})
    waiting.submit(waiting.submission(runtime=other))
    assert waiting.ended(waiting.agent())[0] == DONE
    result = waiting.folder.result()
    assert result is not None
    assert result.ending == Ending.REFUSED
    assert result.differences == (Difference("torch", "1.0", ours.packages["torch"]),)
    said = runtime.sentence(result.differences, "box2")
    assert said == f"box2 has torch {ours.packages['torch']} and this machine 1.0."


@pytest.mark.parametrize("damage", ["content", "missing", "path", "variable"])
def test_an_input_that_is_not_what_its_hash_says_is_no_input(waiting: Waiting, tmp_path: Path, damage: str) -> None:
    submission = waiting.submission()
    (item,) = submission.inputs
    stored = tmp_path / "shared" / "objects" / item.sha256[:2] / item.sha256
    if damage == "content":
        stored.write_text("sound 2")
    elif damage == "missing":
        stored.unlink()
    elif damage == "path":
        submission = replace(submission, keeps=("../../elsewhere",))
    else:
        submission = replace(submission, environment={"LD_PRELOAD": "/tmp/x.so"})
    waiting.submit(submission)
    assert waiting.ended(waiting.agent())[0] == DONE
    result = waiting.folder.result()
    assert result is not None
    assert result.ending == Ending.FAULT
    words = {"content": "not what its SHA-256 says", "missing": "is gone from", "path": "leads elsewhere"}
    words["variable"] = "sets the variable 'LD_PRELOAD'"
    assert words[damage] in result.sentence
    assert not list((waiting.machine / "attempts").glob("*"))


def test_what_is_kept_bears_the_mark_of_its_run(waiting: Waiting, tmp_path: Path) -> None:
    waiting.submit(waiting.submission())
    waiting.agent()
    kept = {item.path: item for item in waiting.kept(1).outputs}
    waiting.store.fetch(kept["runs/1/identity.json"], tmp_path / "run" / identity.MARK)
    assert identity.read(tmp_path / "run") == identity.Mark("home", "run")


def test_whatever_a_training_has_committed_is_acknowledged_and_reaches_mynad() -> None:
    """A worker waits for that: one report that nobody acknowledges, and it waits for ever."""
    assert Train.commits == COMMITS | COMMITS_AT_ONCE
    assert COMMITS_AT_ONCE <= PASSED_ON
