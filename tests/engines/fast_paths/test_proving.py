"""A fast path is taken where it was the same as the plain one, and nowhere else: whatever is found, raised, or dies."""

from __future__ import annotations

import json
import logging
import math
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from dying_proof import CARD

from engines.fast_paths import card
from engines.fast_paths.proving import Comparison, Proofs
from engines.fast_paths.record import FILE, FastPath, Outcome, Proof, Records

PATH, SUBJECT = FastPath.GRAPHS, "small"


class Tried:
    """A proof that counts how often it was made."""

    def __init__(self, end: Comparison | Exception) -> None:
        self.times, self._end = 0, end

    def __call__(self) -> Comparison:
        self.times += 1
        if isinstance(self._end, Exception):
            raise self._end
        return self._end


EQUAL, DIFFERENT = Comparison(1e-6, 1e-3), Comparison(0.2, 1e-3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / FILE


@pytest.mark.parametrize(
    ("end", "taken", "outcome"),
    [
        (EQUAL, True, Outcome.EQUAL),
        (DIFFERENT, False, Outcome.DIFFERS),
        (Comparison(math.nan, 1.0), False, Outcome.DIFFERS),
        (RuntimeError("no kernel image is available"), False, Outcome.RAISED),
    ],
)
def test_a_path_is_proved_once_and_its_outcome_is_kept(
    file: Path, end: Comparison | Exception, taken: bool, outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "engines.fast_paths"):
        assert Proofs(CARD, file).trusts(PATH, SUBJECT, Tried(end)) is taken
    assert any(outcome in record.getMessage() or "raised" in record.getMessage() for record in caplog.records)
    [kept] = Records(file).all()
    assert (kept.path, kept.subject, kept.card, kept.outcome) == (PATH, SUBJECT, CARD, outcome)
    again = Tried(EQUAL)
    assert Proofs(CARD, file).trusts(PATH, SUBJECT, again) is taken, "a later process takes the answer"
    assert again.times == 0


@pytest.mark.parametrize("changed", ["name", "uuid", "driver", "torch"])
def test_another_card_driver_or_torch_proves_anew(file: Path, changed: str) -> None:
    assert not Proofs(CARD, file).trusts(PATH, SUBJECT, Tried(DIFFERENT))
    other = replace(CARD, **{changed: "another"})
    assert Proofs(other, file).trusts(PATH, SUBJECT, tried := Tried(EQUAL))
    assert tried.times == 1


def test_another_subject_is_proved_by_itself(file: Path) -> None:
    proofs = Proofs(CARD, file)
    assert proofs.trusts(PATH, SUBJECT, Tried(EQUAL))
    assert not proofs.trusts(PATH, "large", Tried(DIFFERENT))
    assert proofs.trusts(PATH, SUBJECT, Tried(DIFFERENT)), "known already"


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"format": 1}', '{"format": 99, "proofs": []}', '{"format": 1, "proofs": [{}]}',
     '{"format": 1, "proofs": 7}', '{"format": 1, "proofs": [7]}', "\udc00"],
)  # fmt: skip
def test_a_record_that_is_broken_or_unknown_is_proved_again(file: Path, content: str) -> None:
    file.parent.mkdir()
    file.write_bytes(content.encode("utf-8", "surrogatepass"))
    assert Proofs(CARD, file).trusts(PATH, SUBJECT, tried := Tried(EQUAL))
    assert tried.times == 1
    assert [proof.outcome for proof in Records(file).all()] == [Outcome.EQUAL]


def test_a_record_with_an_outcome_nobody_knows_is_proved_again(file: Path) -> None:
    Proofs(CARD, file).trusts(PATH, SUBJECT, Tried(EQUAL))
    told = json.loads(file.read_text())
    told["proofs"][0]["outcome"] = "surely"
    file.write_text(json.dumps(told))
    assert not Proofs(CARD, file).trusts(PATH, SUBJECT, Tried(DIFFERENT))


def test_a_proof_that_kills_its_process_is_not_made_again(file: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("dying_proof.py")), str(file)],
        cwd=Path(__file__).parents[3], env={"PYTHONPATH": str(Path(__file__).parents[3])}, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGSEGV
    assert [proof.outcome for proof in Records(file).all()] == [Outcome.PROVING], "it left its mark"
    for _ in range(2):
        assert not Proofs(CARD, file).trusts(PATH, SUBJECT, tried := Tried(EQUAL))
        assert tried.times == 0
    assert [proof.outcome for proof in Records(file).all()] == [Outcome.DIED]


def test_while_another_process_proves_the_plain_path_is_taken_for_now(file: Path) -> None:
    proofs = Proofs(CARD, file)
    with Records(file).lock() as ours:
        assert ours
        Records(file).put(Proof(PATH, SUBJECT, CARD, Outcome.PROVING))
        assert not proofs.trusts(PATH, SUBJECT, tried := Tried(EQUAL))
        Records(file).put(Proof(PATH, SUBJECT, CARD, Outcome.EQUAL))
    assert proofs.trusts(PATH, SUBJECT, tried), "it is asked again"
    assert tried.times == 0


def test_no_memory_for_a_proof_says_nothing(file: Path) -> None:
    proofs = Proofs(CARD, file)
    assert not proofs.trusts(PATH, SUBJECT, Tried(torch.OutOfMemoryError("CUDA out of memory")))
    assert Records(file).all() == []
    assert proofs.trusts(PATH, SUBJECT, Tried(EQUAL))


def test_a_proof_that_is_interrupted_says_nothing(file: Path) -> None:
    def interrupted() -> Comparison:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Proofs(CARD, file).trusts(PATH, SUBJECT, interrupted)
    assert Records(file).all() == []


def test_nothing_is_proved_where_no_mark_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    tried = Tried(EQUAL)
    assert not Proofs(CARD, tmp_path / "home" / FILE).trusts(PATH, SUBJECT, tried)
    assert tried.times == 0, "it might take the process with it, at each start"


def test_what_failed_at_work_is_not_taken_any_more(file: Path) -> None:
    proofs = Proofs(CARD, file)
    assert proofs.trusts(PATH, SUBJECT, Tried(EQUAL))
    proofs.distrust(PATH, SUBJECT, RuntimeError("illegal address\nand more"))
    for known in (proofs, Proofs(CARD, file)):
        assert not known.trusts(PATH, SUBJECT, Tried(EQUAL))
    [kept] = Records(file).all()
    assert kept.error == "RuntimeError: illegal address"


def test_asked_to_it_is_proved_again_whatever_is_known(file: Path) -> None:
    Proofs(CARD, file).trusts(PATH, SUBJECT, Tried(RuntimeError("once")))
    assert Proofs(CARD, file).prove(PATH, SUBJECT, Tried(EQUAL)).outcome is Outcome.EQUAL
    assert Proofs(CARD, file).trusts(PATH, SUBJECT, Tried(DIFFERENT))


def test_without_a_home_it_is_known_until_the_process_ends() -> None:
    proofs, tried = Proofs(CARD, None), Tried(EQUAL)
    assert all(proofs.trusts(PATH, SUBJECT, tried) for _ in range(3))
    assert tried.times == 1


def test_a_cpu_has_no_fast_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> Comparison:
        raise AssertionError("a CPU is not asked to prove anything")

    assert card.proofs(torch.device("cpu")) is None
    assert not card.trusts(PATH, torch.device("cpu"), SUBJECT, never)


def test_they_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr(card, "_proofs", lambda index, file: made.append(index) or Proofs(CARD, None))
    one = torch.device("cuda", 0)
    assert card.proofs(one) is not None
    monkeypatch.setenv(card.SWITCH, "off")
    assert card.proofs(one) is None
    assert made == [0]


def test_a_card_is_known_by_name_uuid_driver_and_torch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Properties:
        name, uuid = "Pretended 1", "GPU-1"

    told: list[Callable[[], object]] = []
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: Properties)
    monkeypatch.setattr(card, "_driver", lambda: told.append(lambda: None) or "600.1")
    monkeypatch.setenv("MYNA_HOME", str(tmp_path))
    found = card.proofs(torch.device("cuda", 3))
    assert found is not None
    assert (found.card.name, found.card.uuid, found.card.driver) == ("Pretended 1", "GPU-1", "600.1")
    assert card.proofs(torch.device("cuda", 3)) is found, "the driver is asked once"
    assert len(told) == 1
    card._proofs.cache_clear()
