"""What was cleaned, as the wire has it."""

from __future__ import annotations

from daemon.cleaning.cleaning import Cleaned
from daemon.cleaning.values import What, sentence
from daemon.keep_settings import Keep
from proto import myna_pb2 as pb

WHAT: dict[What, pb.CleanedWhat.ValueType] = {
    What.TEXTS: pb.CLEANED_TEXTS,
    What.LOG: pb.CLEANED_LOG,
    What.PACKAGE: pb.CLEANED_PACKAGE,
    What.FEATURES: pb.CLEANED_FEATURES,
    What.CHECKPOINTS: pb.CLEANED_CHECKPOINTS,
    What.REJECTED: pb.CLEANED_REJECTED,
}


def days(what: What, keep: Keep) -> int:
    """How long things of this kind are kept."""
    return {
        What.TEXTS: keep.texts_days,
        What.LOG: keep.logs_days,
        What.PACKAGE: keep.packages_days,
        What.CHECKPOINTS: keep.checkpoints_days,
        What.REJECTED: keep.rejected_days,
    }.get(what, 0)


def message(done: Cleaned, keep: Keep) -> pb.CleanResponse:
    rows = [
        pb.Cleaned(name=one.name, what=WHAT[one.what], size=size, why=sentence(one.what, one.why, days(one.what, keep)))
        for one, size in done.gone
    ]
    return pb.CleanResponse(cleaned=rows, freed=done.freed, texts=done.texts, failed=done.failed)
