"""What the quicker ways of working on a card came to, in words: for `myna doctor`."""

from __future__ import annotations

from pathlib import Path

from engines.fast_paths.record import FILE, FastPath, Outcome, Proof, Records
from proto import myna_pb2 as pb
from proto.findings import note, ok

#: What each is, as the subject of a sentence.
TITLES = {
    FastPath.GRAPHS: "Decoding by recorded graphs",
    FastPath.FUSED: "The fused optimizer",
    FastPath.PINNED: "Sending batches from pinned memory",
    FastPath.TF32: "Training with TF32 products",
    FastPath.BF16: "Training in bf16",
}
_FOUND = {
    Outcome.EQUAL: "gives what the plain way gives on {card}, and is used.",
    Outcome.DIFFERS: "gives something else than the plain way on {card}: the plain way is used.",
    Outcome.RAISED: "fails on {card} ({error}): the plain way is used.",
    Outcome.DIED: "ended the process that tried it on {card}: the plain way is used.",
    Outcome.PROVING: "is being tried on {card}, or ended the process that tried it.",
}
AGAIN = "Only speed is lost. `myna doctor --gpu` tries it again, after an update of the driver for example."


def findings(home: Path) -> list[pb.Finding]:
    """One for each that was tried; none on a machine whose work runs on the CPU."""
    return [_finding(proof) for proof in Records(home / FILE).all()]


def sentence(proof: Proof) -> str:
    """What came of one."""
    subject = f" ({proof.subject})" if proof.subject else ""
    return f"{TITLES[proof.path]}{subject} {_FOUND[proof.outcome].format(card=proof.card.name, error=proof.error)}"


def _finding(proof: Proof) -> pb.Finding:
    name = f"gpu {proof.path}"
    return ok(name, sentence(proof)) if proof.outcome is Outcome.EQUAL else note(name, sentence(proof), AGAIN)
