"""What versions spoke when they were scored: names of the lines, whose sound lies below `samples/`, and their texts.

A held-out line is called by its clip's hash, a further text by the text's, each further take of either by the hash and
the take's number: as its file is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Evaluation

LOOKED_THROUGH = 20  #: scorings of a voice, newest first, that a name is looked for in
_NAME = re.compile(r"[0-9a-f]{64}(\.[1-9][0-9]?)?")  #: nothing else may become a part of a path


@dataclass(frozen=True)
class Line:
    """What both sides of a scoring spoke."""

    name: str
    text: str
    spoken: str  #: the candidate's file, relative to home; empty: it was not spoken
    spoken_by_parent: str


def lines(evaluation: Evaluation) -> list[Line]:
    """All that a scoring had spoken: the held-out lines, then further texts and takes."""
    report = evaluation.report
    return [
        Line(str(one.get("name") or one["clip"]), str(one["text"]), str(one["spoken"]), str(one["spoken_by_parent"]))
        for one in (*report.get("lines", ()), *report.get("further", ()))
    ]


def of_both(evaluation: Evaluation, home: Path) -> list[Line]:
    """Those whose sound is there of both sides."""

    def there(file: str) -> bool:
        return bool(file) and (home / file).is_file()

    return [line for line in lines(evaluation) if there(line.spoken) and there(line.spoken_by_parent)]


def text(session: Session, voice: str, name: str) -> str | None:
    """What is said in a line of that name; None: no version of the voice was ever asked to speak it."""
    if not _NAME.fullmatch(name):
        return None
    asked = Clip.voice == voice, Clip.sha256 == name.partition(".")[0], Clip.held_out.is_(True)
    if (clip := session.scalars(select(Clip).where(*asked)).first()) is not None:
        return clip.text
    newest = select(Evaluation).where(Evaluation.voice == voice).order_by(Evaluation.id.desc()).limit(LOOKED_THROUGH)
    found = (line.text for evaluation in session.scalars(newest) for line in lines(evaluation) if line.name == name)
    return next(found, None)
