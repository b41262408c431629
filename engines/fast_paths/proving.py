"""Whether a fast path may be taken on a card: it is compared with the plain one once, and the answer is kept.

A mark is written before a proof begins, so that one which takes the whole process down is found out at the next start:
whoever sees the mark while nobody holds the records' lock knows that its process died.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engines.errors import EngineError
from engines.fast_paths.record import Card, FastPath, Outcome, Proof, Records
from engines.training import memory

log = logging.getLogger("engines.fast_paths")


@dataclass(frozen=True)
class Comparison:
    """How far a fast path came from the plain one."""

    difference: float  #: the largest; NaN: it could not be told
    tolerance: float  #: the largest that is allowed

    @property
    def equal(self) -> bool:
        return self.difference <= self.tolerance


#: Does the same work by both paths. Whatever it raises means that the path is not to be taken.
Prove = Callable[[], Comparison]


class Proofs:
    """What is known of one card, by `file`; without one it is known until this process ends."""

    def __init__(self, card: Card, file: Path | None) -> None:
        self.card = card
        self._records = None if file is None else Records(file)
        self._known: dict[tuple[FastPath, str], Outcome] = {}

    def trusts(self, path: FastPath, subject: str, prove: Prove) -> bool:
        """Whether a path may be taken, with what it is to be tried with."""
        return self.outcome(path, subject, prove) is Outcome.EQUAL

    def outcome(self, path: FastPath, subject: str, prove: Prove) -> Outcome:
        """What is known of a path. The first time it is proved here and now, unless another process is at it, there is
        no memory for it, or no place for its record: then it is PROVING, this time."""
        outcome = self._known.get((path, subject))
        if outcome is None:
            try:
                outcome = self._found_or_proved(path, subject, prove)
            except (OSError, EngineError) as error:  # without the mark a proof that crashes would crash every start
                log.warning("The fast path %s is not taken: its record cannot be kept (%s).", path, error)
                outcome = Outcome.PROVING
            if outcome is not Outcome.PROVING:
                self._known[path, subject] = outcome
        return outcome

    def prove(self, path: FastPath, subject: str, prove: Prove) -> Proof:
        """Prove it now, whatever is known. Raises OSError, DiskFull where the record cannot be kept."""
        if self._records is None:
            return self._proved(path, subject, prove)
        with self._records.lock() as ours:
            if not ours:
                return Proof(path, subject, self.card, Outcome.PROVING)
            return self._recorded(self._records, path, subject, prove)

    def distrust(self, path: FastPath, subject: str, error: Exception) -> None:
        """A path that was proved has failed at work: it is not taken any more."""
        log.warning("The fast path %s failed (%s): the plain one is taken from now on.", path, _said(error))
        self._known[path, subject] = Outcome.RAISED
        if self._records is None:
            return
        try:
            with self._records.lock() as ours:
                if ours:
                    self._records.put(Proof(path, subject, self.card, Outcome.RAISED, error=_said(error)))
        except (OSError, EngineError) as unkept:
            log.warning("That could not be written down: %s", unkept)

    def forget_failures(self, path: FastPath) -> None:
        """Have it proved anew wherever it was not equal, when it is asked for next. Raises OSError, DiskFull."""
        if self._records is None:
            return
        with self._records.lock() as ours:
            for proof in self._records.all() if ours else []:
                if (proof.path, proof.card.uuid) == (path, self.card.uuid) and proof.outcome is not Outcome.EQUAL:
                    self._records.drop(path, proof.subject, proof.card)

    def _found_or_proved(self, path: FastPath, subject: str, prove: Prove) -> Outcome:
        if self._records is None:
            return self._proved(path, subject, prove).outcome
        found = self._records.find(path, subject, self.card)
        if found is not None and found.outcome is not Outcome.PROVING:
            if found.outcome is not Outcome.EQUAL:
                log.warning("The fast path %s is not taken: %s.", path, found.outcome)
            return found.outcome
        with self._records.lock() as ours:
            if not ours:
                return Outcome.PROVING
            found = self._records.find(path, subject, self.card)  # somebody may have been quicker
            if found is not None and found.outcome is Outcome.PROVING:
                log.warning("The fast path %s is not taken: the process that proved it died.", path)
                self._records.put(Proof(path, subject, self.card, Outcome.DIED))
                return Outcome.DIED
            if found is not None:
                return found.outcome
            return self._recorded(self._records, path, subject, prove).outcome

    def _recorded(self, records: Records, path: FastPath, subject: str, prove: Prove) -> Proof:
        records.put(Proof(path, subject, self.card, Outcome.PROVING))
        try:
            proof = self._proved(path, subject, prove)
        except BaseException:  # somebody ends us: that says nothing of the path
            records.drop(path, subject, self.card)
            raise
        if proof.outcome is Outcome.PROVING:
            records.drop(path, subject, self.card)
        else:
            records.put(proof)
        return proof

    def _proved(self, path: FastPath, subject: str, prove: Prove) -> Proof:
        log.info("Proves the fast path %s on %s.", path, self.card.name)
        try:
            found = prove()
        except Exception as error:
            if memory.ran_out(error):
                log.warning("There is no memory now to prove the fast path %s.", path)
                return Proof(path, subject, self.card, Outcome.PROVING)
            log.warning("The fast path %s is not taken: it raised %s.", path, _said(error))
            return Proof(path, subject, self.card, Outcome.RAISED, error=_said(error))
        outcome = Outcome.EQUAL if found.equal else Outcome.DIFFERS
        say = log.info if found.equal else log.warning
        say("The fast path %s: %s (differs by %.2g, %.2g allowed).", path, outcome, found.difference, found.tolerance)
        return Proof(path, subject, self.card, outcome, found.difference, found.tolerance)


def _said(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"[:300]
