"""The order in which clips are seen: a pure function of (seed, epoch), so that (seed, epoch, position) is all there is
to save.

Each new clip comes once an epoch. An increment mixes old clips in, other ones each epoch, so that the voice does not
forget them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Clips that are sorted by length together, in batches. Longer pools pad less and mix less.
_POOL = 20
#: How far a length is blurred before sorting: small sets would otherwise form the same batches every epoch.
_BLUR = 0.1


@dataclass(frozen=True)
class Position:
    """Where the next batch is."""

    epoch: int = 0
    batch: int = 0


START = Position()


class DataOrder:
    """Batches of clip indices: 0…n_new-1 are new clips, the rest old ones."""

    def __init__(
        self, new_lengths: Sequence[int], old_lengths: Sequence[int], batch_size: int, old_share: float, seed: int
    ) -> None:
        """Lengths are in the engine's own units (frames). `old_share` is the part of an epoch that is old, 0 ≤ share <
        1."""
        self._lengths = np.array([*new_lengths, *old_lengths], dtype=np.float64)
        self._n_new = len(new_lengths)
        self._batch_size = batch_size
        self._seed = seed
        self._old_an_epoch = min(len(old_lengths), round(self._n_new * old_share / (1.0 - old_share)))
        # one fixed round of the old clips, walked a stretch an epoch: all come equally often, none twice in an epoch
        self._old_round = self._n_new + np.random.default_rng([seed, 0x01D]).permutation(len(old_lengths))
        self._round_of, self._round = -1, dict[int, int]()
        self._epoch = -1
        self._batches: list[list[int]] = []

    def fingerprint(self) -> str:
        """Hex digest that tells other data, or other ways to order it, apart."""
        digest = hashlib.sha256(self._lengths.tobytes())
        digest.update(f"{self._n_new} {self._batch_size} {self._seed} {self._old_an_epoch}".encode())
        return digest.hexdigest()[:16]

    def epoch(self, number: int) -> list[list[int]]:
        """All batches of an epoch: each new clip once, lengths alike within a batch, batches in random order, sizes
        even to one clip."""
        rng = np.random.default_rng([self._seed, number])
        clips = rng.permutation(np.concatenate([np.arange(self._n_new), self._old_clips(number)]))
        n_batches = -(-len(clips) // self._batch_size)
        blurred = self._lengths[clips] * (1.0 + _BLUR * rng.random(len(clips)))
        batches: list[list[int]] = []
        for pool in np.array_split(np.arange(len(clips)), -(-n_batches // _POOL)):
            by_length = clips[pool[np.argsort(blurred[pool], kind="stable")]]
            batches += [part.tolist() for part in np.array_split(by_length, -(-len(pool) // self._batch_size))]
        return [batches[i] for i in rng.permutation(len(batches))]

    def at(self, position: Position) -> tuple[list[int], Position]:
        """The batch at a position, and the position after it."""
        if position.epoch != self._epoch:
            self._epoch, self._batches = position.epoch, self.epoch(position.epoch)
        batch = self._batches[position.batch]
        last = position.batch + 1 == len(self._batches)
        return batch, Position(position.epoch + 1, 0) if last else Position(position.epoch, position.batch + 1)

    def padded(self, batch: Sequence[int], micro_batch: int) -> float:
        """How long the longest piece of a batch is, in the lengths' unit, if all its clips are as long as its
        longest."""
        pieces = (self._lengths[batch[start : start + micro_batch]] for start in range(0, len(batch), micro_batch))
        return max(float(piece.max()) * len(piece) for piece in pieces)

    def prompts(self, batch: Sequence[int], epoch: int, share: int = 1) -> list[int]:
        """For each clip of a batch the clip whose voice is heard before it, the same for `share` clips in a row.

        It is the next in a round of all clips, shuffled each epoch, that is none of those: a clip never hears itself,
        where there is another, and each comes to be heard."""
        if epoch != self._round_of:
            self._round_of, shuffled = (
                epoch,
                np.random.default_rng([self._seed, epoch, 0x9F]).permutation(len(self._lengths)),
            )
            self._round = dict(zip(shuffled.tolist(), np.roll(shuffled, -1).tolist(), strict=True))
        share = max(1, min(share, len(self._round) - 1))
        heard: list[int] = []
        for start in range(0, len(batch), share):
            together = batch[start : start + share]
            prompt = self._round[together[0]]
            while prompt in together and len(self._round) > 1:
                prompt = self._round[prompt]
            heard += [prompt] * len(together)
        return heard

    def _old_clips(self, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        if not self._old_an_epoch:
            return np.empty(0, dtype=np.int64)
        start = epoch * self._old_an_epoch
        return self._old_round[np.arange(start, start + self._old_an_epoch) % len(self._old_round)]
