"""What the gate found, as values, and the one place where sentences are made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from engines.metrics.table import METRICS, Metric


class Found(StrEnum):
    """Kinds of findings."""

    NO_LINES = "no lines"  #: none was scored
    LINES_FAILED = "lines failed"  #: `count` of `of`: too many
    OTHER_LINES = "other lines"  #: the candidate was scored on `count`, its parent on `of`
    NOT_MEASURED = "not measured"  #: the metric, of the candidate
    PARENT_NOT_MEASURED = "parent not measured"
    NOT_MEASURABLE = "not measurable"  #: of neither: a person must listen, or the voice's rule decide without it
    OTHER_RECOGNISER = "other recogniser"  #: `by` heard the candidate, `parent_by` its parent
    NOT_A_NUMBER = "not a number"
    BEYOND_LIMIT = "beyond the limit"  #: the metric, by the voice's rule, and surely so
    BEYOND_LIMIT_UNSURE = "perhaps beyond the limit"  #: the same, but `count` lines do not make it sure
    WORSE = "worse"  #: `candidate` is the balance, `low` to `high` where it surely lies, `limit` what it must be above
    UNSURE = "unsure"  #: the same, and they lie on both sides of the limit; about `of` lines would tell (0: unknown)
    SAME = "same"  #: both say every line alike
    GAINED = "gained"  #: the metric surely got better than the parent's
    LOST = "lost"  #: the metric surely got worse than the parent's, not beyond the limit (None: there is none)
    UNCLEAR_RECORDINGS = "unclear recordings"  #: the recordings themselves score so badly that the metric says little
    NOT_UNDERSTOOD = "not understood"  #: the recogniser does not follow the recordings: words take no part
    BEHIND_BASE = "behind the base"  #: the base, which only imitates the recordings, surely sounds better
    LOSS_ROSE = "loss rose"  #: held-out loss, by more than the voice's rule passes over
    ONE_BY_ONE = "one by one"  #: the balance by itself does not tell, but the measures do, each looked at by itself
    BALANCE = "balance"  #: `candidate` is the balance, `low` to `high` where it surely lies


#: The switch of a voice's rule that decides without a metric.
WITHOUT = {Metric.SIMILARITY: "without_similarity", Metric.WER: "without_wer"}


MANY = 200  #: more lines than that are not asked for


@dataclass(frozen=True)
class Finding:
    """One thing found; which fields are set depends on the kind."""

    found: Found
    metric: Metric | None = None
    candidate: float | None = None
    parent: float | None = None
    limit: float | None = None  #: what the candidate had to reach
    count: int = 0
    of: int = 0
    by: str = ""
    parent_by: str = ""
    recordings: float | None = None  #: what the recordings themselves score
    low: float | None = None
    high: float | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary without what is not set."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value not in (None, "", 0) or isinstance(value, float)
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Finding | None:
        """The inverse of to_json; None: a kind or a metric of a newer Myna."""
        known = {name: value for name, value in values.items() if name in Finding.__dataclass_fields__}
        try:
            known["found"] = Found(known.get("found", ""))
            known["metric"] = Metric(known["metric"]) if known.get("metric") else None
        except ValueError:
            return None
        return Finding(**known)


def sentence(one: Finding) -> str:
    """A finding for people."""
    title = METRICS[one.metric].title if one.metric is not None else ""
    match one.found:
        case Found.NO_LINES:
            return "No held-out line was scored, so it cannot be judged."
        case Found.LINES_FAILED:
            return f"{one.count} of {one.of} held-out lines could not be spoken or scored."
        case Found.OTHER_LINES:
            return f"It was scored on {one.count} lines and its parent on {one.of}: they cannot be compared."
        case Found.NOT_MEASURED:
            return f"Its {title} could not be measured."
        case Found.PARENT_NOT_MEASURED:
            return f"Its parent's {title} could not be measured.{_by_hand(one)}"
        case Found.NOT_MEASURABLE if one.metric is Metric.WER:
            return f"Its {title} could not be measured: no recogniser here knows the language.{_by_hand(one)}"
        case Found.NOT_MEASURABLE:
            return f"Its {title} could not be measured.{_by_hand(one)}"
        case Found.OTHER_RECOGNISER:
            return f"Its {title} was heard by {one.by}, its parent's by {one.parent_by}: they cannot be compared."
        case Found.NOT_A_NUMBER:
            return f"Its {title} is not a number."
        case Found.BEYOND_LIMIT:
            return _beyond(one, title)
        case Found.BEYOND_LIMIT_UNSURE:
            return f"{_beyond(one, title)[:-1]}; {_lines(one.count)} do not make that sure."
        case Found.WORSE:
            return f"On balance it is worse than its parent: score {_scored(one)}, it needs more than {one.limit:g}."
        case Found.UNSURE:
            return _unsure(one)
        case Found.SAME:
            return "It says every line exactly as its parent does."
        case Found.LOSS_ROSE:
            return (
                f"Its {title} rose from {_figure(one, one.parent)} to {_figure(one, one.candidate)}: listen whether it "
                f"learned its clips by heart."
            )
        case Found.GAINED:
            return f"Its {title} went from {_figure(one, one.parent)} to {_figure(one, one.candidate)}."
        case Found.LOST:
            allowed = ", which the voice's rule allows" if one.limit is not None else ""
            return f"Its {title} got worse, from {_figure(one, one.parent)} to {_figure(one, one.candidate)}{allowed}."
        case Found.UNCLEAR_RECORDINGS | Found.NOT_UNDERSTOOD:
            return _of_recordings(one, title)
        case Found.BEHIND_BASE:
            return (
                f"The base, which only imitates the recordings, sounds better than it: score {_scored(one)} against "
                f"the base on {_lines(one.count)}."
            )
        case Found.ONE_BY_ONE:
            return "The score alone does not tell; but no measure got worse, and each surely keeps its limit."
        case Found.BALANCE:
            return f"Score {_scored(one)} on {_lines(one.count)}."


def _of_recordings(one: Finding, title: str) -> str:
    """That the recogniser follows the recordings themselves badly, or not at all."""
    figure = _figure(one, one.recordings)
    if one.found is Found.UNCLEAR_RECORDINGS:
        return (
            f"The recordings themselves score a {title} of {figure}, so it says little here: compare the held-out "
            f"clips' texts with what is said in them, or listen."
        )
    return (
        f"The recogniser does not understand the recordings themselves ({title} {figure}), so words take no part: "
        f"likeness, pitch and pace are left to compare."
    )


def _scored(one: Finding) -> str:
    """The balance, and where it surely lies."""
    reach = f" ({one.low:+.2f} to {one.high:+.2f})" if one.low is not None and one.high is not None else ""
    return f"{one.candidate or 0.0:+.2f}{reach}"


def _unsure(one: Finding) -> str:
    start = f"On {_lines(one.count)} its score is {_scored(one)}"
    if one.low is None:
        return f"{start}: too few lines to be sure. Add recordings, or listen and promote by hand."
    more = f" About {one.of} lines would tell." if one.count < one.of <= MANY else ""
    return f"{start}; to be better it must surely be above {one.limit or 0.0:g}.{more} Or listen to both."


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'}"


def _by_hand(one: Finding) -> str:
    switch = WITHOUT.get(one.metric) if one.metric is not None else None
    return f" Listen and promote by hand, or set {switch}." if switch else ""


def _beyond(one: Finding, title: str) -> str:
    assert one.candidate is not None
    assert one.limit is not None
    mine, limit = _figure(one, one.candidate), _figure(one, one.limit)
    if one.metric is Metric.DURATION_RATIO:
        pace = "faster" if one.candidate < one.limit else "slower"
        return f"It speaks much {pace} than the recordings ({title} {mine}, the limit is {limit})."
    word = "at least" if one.candidate < one.limit else "at most"
    return f"Its {title} is {mine}, its parent's {_figure(one, one.parent)}; it needed {word} {limit}."


def _figure(one: Finding, value: float | None) -> str:
    """With one digit more than a table may have: a near miss must be seen as one."""
    digits = max(3, METRICS[one.metric].digits if one.metric is not None else 3)
    return "–" if value is None else f"{value:.{digits}f}"
