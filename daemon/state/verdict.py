"""A version's verdict: what was decided, as a value, and the one place that says it in words.

The value is kept beside the scores (`Version.metrics`, where whatever is no number is none of the scores;
`Evaluation.report`), the words in `verdict`. Versions that an older Myna scored have words only: nothing reads those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from daemon.database.models import Evaluation, Version
from daemon.state.sequential import Look
from daemon.state.values import ByHand, Decision, VersionState, value_of

DECISION, BY_HAND = "decision", "by_hand"
ASKED = "promotion_asked"  #: in a scoring's report: whether its candidate was to be promoted if it is better
#: what of a version's metrics is no score: it stays when the version is scored anew
KEPT = (DECISION, BY_HAND)
_BY_HAND = {ByHand.PROMOTED: "Promoted by a person.", ByHand.ROLLED_BACK: "Rolled back by a person."}
_PURGED = "Purged: its weights were deleted to free disk; its scores and its report are kept."

_UNSCORED = {
    Decision.WAITING: "Not scored yet.",
    Decision.TAKEN_IN: "Taken in from its folder, and not scored here.",
    Decision.NOT_SCORED: "Not scored:",
}


#: What blind votes can make of an undecided version.
BY_LISTENERS = frozenset(
    {
        Decision.PREFERRED,
        Decision.NOT_PREFERRED,
        Decision.PREFERRED_NOT_ASKED,
        Decision.PREFERRED_OTHER_SPEAKS,
        Decision.PREFERRED_LATE,
    }
)


@dataclass(frozen=True)
class Scored:
    """A version that was scored, in words."""

    name: str  #: "anna@7"
    other: str  #: what it was compared with: "anna@6", "the base"
    speaks: str  #: what speaks now
    compare: str  #: the command that compares it with what speaks now
    state: str  #: its `VersionState`
    listen_days: int = 0  #: so long it waits for listeners, should it be undecided


def put_unscored(row: Version, decision: Decision, more: str = "") -> None:
    """Set what is to be said of a version without scores."""
    put(row, decision, f"{_UNSCORED[decision]} {more}")


def put(row: Version, decision: Decision, words: str) -> None:
    """Set what became of a version, in place of what was decided before and of what a person made of that."""
    row.metrics = {name: value for name, value in row.metrics.items() if name != BY_HAND} | {DECISION: decision.value}
    row.verdict = words.strip()


def put_by_hand(row: Version, what: ByHand) -> None:
    """Set what a person made of a version, in place of what a person made of it before."""
    row.metrics = {**row.metrics, BY_HAND: what.value}


def decision(row: Version | Evaluation) -> Decision | None:
    """What was decided; None: by a Myna that did not keep it."""
    kept: dict[str, Any] = row.metrics if isinstance(row, Version) else row.report
    found: Decision | None = value_of(Decision, kept.get(DECISION))
    return found


def by_hand(row: Version) -> ByHand | None:
    """What a person made of it since."""
    found: ByHand | None = value_of(ByHand, row.metrics.get(BY_HAND))
    return found


def whole(row: Version) -> str:
    """The whole verdict for people."""
    hand = by_hand(row)
    purged = _PURGED if row.state == VersionState.PURGED else ""
    return " ".join(filter(None, (row.verdict, _BY_HAND[hand] if hand is not None else "", purged)))


def sentence(decided: Decision, about: Scored) -> str:
    """What was decided by scores, as the verdict's first sentence. Raises ValueError for another decision."""
    better = f"it is better than {about.other}"
    match decided:
        case Decision.BROKEN:
            return f"Rejected: {about.name} does not speak."
        case Decision.NOT_BETTER:
            return f"Not promoted: it is not better than {about.other}."
        case Decision.WORSE:
            return f"Not promoted: it is worse than {about.other}."
        case Decision.UNDECIDED:
            return (
                f"Undecided: the scores do not tell whether it is better than {about.other}, so {about.speaks} goes on "
                f"speaking. {how_to_decide(about.name, about.listen_days)}"
            )
        case Decision.PROMOTED_ALREADY:
            return f"Better than {about.other}, and promoted already."
        case Decision.NOT_ASKED:
            return f"Better than {about.other}. `myna promote {about.name}` lets it speak."
        case Decision.OTHER_SPEAKS:
            return f"Not promoted: {better}, but {about.speaks} speaks now. Compare them: `{about.compare}`."
        case Decision.PUT_ASIDE:
            return f"Not promoted: {better}, but a person {about.state} it."
        case Decision.PROMOTED:
            return f"Promoted: {better}."
    raise ValueError(f"{decided} says nothing of scores")


def how_to_decide(name: str, listen_days: int) -> str:
    """What a person can do about an undecided version."""
    if listen_days <= 0:
        return f"Listen to both (`myna`, Listen), and `myna promote {name}` if it is."
    return f"Listen to decide: `myna`, Listen; blind votes count for {days(listen_days)}. Or `myna promote {name}`."


def heard(decided: Decision, about: Scored, votes: Look) -> str:
    """What was decided by blind votes, as the verdict's first sentence. Raises ValueError for another decision."""
    most = max(votes.wins, votes.losses)
    won = f"{most} of {votes.wins + votes.losses} blind votes, sure at {100 * votes.confidence:g} %"
    promote = f"`myna promote {about.name}` lets it speak."
    match decided:
        case Decision.PREFERRED:
            return f"Promoted: listeners preferred it to {about.other}: {won}."
        case Decision.NOT_PREFERRED:
            return f"Not promoted: listeners preferred {about.other}: {won}."
        case Decision.PREFERRED_NOT_ASKED:
            return f"Listeners preferred it to {about.other}: {won}. {promote}"
        case Decision.PREFERRED_OTHER_SPEAKS:
            return (
                f"Not promoted: listeners preferred it to {about.other} ({won}), but {about.speaks} speaks now. "
                f"Compare them: `{about.compare}`."
            )
        case Decision.PREFERRED_LATE:
            return (
                f"Not promoted by itself: listeners preferred it to {about.other} ({won}), but only after the "
                f"{days(about.listen_days)} that it waited for them. {promote}"
            )
    raise ValueError(f"{decided} says nothing of listeners")


def days(count: int) -> str:
    """ "7 days"."""
    return f"{count} day{'' if count == 1 else 's'}"
