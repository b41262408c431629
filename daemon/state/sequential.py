"""Blind votes as a test that may be looked at after each of them, and ended whenever it has decided.

Without a difference, a blind vote for one of the two is a fair coin. The evidence against that is an e-value: how many
times likelier the votes are under coins of every bias alike (a uniform mixture) than under the fair one. Fair coins
lead it beyond 1 / (1 - confidence) at any time whatever in at most 1 - confidence of all cases (Ville's inequality), so
nobody has to say before how many votes there will be. A vote for neither counts for neither.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from daemon.state.values import Standing

FAR = 200  #: further votes; what takes more is no use to tell
_LARGEST = 700.0  #: natural logarithm of an e-value that a float still holds


@dataclass(frozen=True)
class Look:
    """What the votes come to so far."""

    wins: int  #: blind votes for the candidate
    losses: int  #: for the version it was judged against
    confidence: float  #: how sure a decision must be; below 1

    @property
    def standing(self) -> Standing:
        """Whether the votes decide, and for whom: the majority."""
        if _log_evidence(self.wins, self.losses) < self._bar:
            return Standing.OPEN
        return Standing.PREFERRED if self.wins > self.losses else Standing.NOT_PREFERRED

    @property
    def evidence(self) -> float:
        """The e-value."""
        return math.exp(min(_log_evidence(self.wins, self.losses), _LARGEST))

    @property
    def needed(self) -> float:
        """The e-value that decides."""
        return 1 / (1 - self.confidence)

    @property
    def more(self) -> int | None:
        """About so many further votes decide, if they go on so (0: these do); None: more than FAR."""
        votes, most = self.wins + self.losses, max(self.wins, self.losses)
        share = most / votes if votes else 1.0
        ahead = (_log_evidence(most + share * k, votes - most + (1 - share) * k) for k in range(FAR + 1))
        return next((k for k, found in enumerate(ahead) if found >= self._bar), None)

    @property
    def _bar(self) -> float:
        return -math.log(1 - self.confidence)


def _log_evidence(wins: float, losses: float) -> float:
    """Natural logarithm of the e-value: B(1 + wins, 1 + losses) · 2^(wins + losses)."""
    votes = wins + losses
    return math.lgamma(1 + wins) + math.lgamma(1 + losses) - math.lgamma(2 + votes) + votes * math.log(2)
