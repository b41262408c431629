"""The paper daemon's voices, versions and ratings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import grpc

from daemon.state import tally
from daemon.state.compare import metric_message
from daemon.state.sequential import Look
from daemon.state.values import Standing, on_wire
from engines.metrics.table import METRICS
from proto import findings
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from tests.tui.stage.rows import NOW, refuse


class Voices(stubs.VoicesServicer):
    def __init__(self) -> None:
        self.notes: list[pb.ConsentNote] = []  # consent notes, newest first
        self.rated: list[pb.Rating] = []
        self.exported: list[pb.ExportRequest] = []
        self.rows = [pb.Voice(name="anna", promoted=7, versions=2, engine="glow", language="en", kept_seconds=125.0)]
        better = "# anna v7\n\nIt is better."
        self.versions = {
            "anna": [
                pb.Version(
                    voice="anna",
                    number=7,
                    parent=6,
                    dataset=4,
                    state="promoted",
                    metrics={"wer": 0.25},
                    report_md=better,
                ),
                pb.Version(voice="anna", number=6, dataset=3, state="archived", metrics={"wer": 0.5}),
            ]
        }
        self.undecided: list[pb.Undecided] = []  # versions that wait for listeners
        self.changed: list[tuple[str, str, int]] = []  # what was asked of which version: ("Promote", "anna", 7)
        self.sure: dict[str, tuple[float, float]] = {}  # between what b minus a surely lies, by metric
        self.decision: pb.Decision.ValueType = pb.DECISION_UNSPECIFIED  # what the scoring of the two came to
        self.needed: set[int] = set()  # versions that another one is loaded onto
        self.packages = ["anna-6-coqui.tar"]
        self.unscored: set[int] = set()  # versions that nobody let speak the held-out lines
        self.lines: list[pb.ComparedLine] = []
        self.recorded = {"wer": 0.2}  # what the recordings themselves score
        self.sentence = "anna@7 is better: fewer words are wrong."

    def List(self, request: pb.ListVoicesRequest, context: Any) -> pb.ListVoicesResponse:
        return pb.ListVoicesResponse(
            voices=[row for row in self.rows if request.deleted or not row.HasField("deleted")]
        )

    def Get(self, request: pb.VoiceRequest, context: Any) -> pb.Voice:
        row = next((row for row in self.rows if row.name == request.voice), None)
        if row is None:
            refuse(context, grpc.StatusCode.NOT_FOUND, f"There is no voice named {request.voice!r}.", "")
        return row

    def Create(self, request: pb.CreateVoiceRequest, context: Any) -> pb.CreateVoiceResponse:
        if request.name in {row.name for row in self.rows}:
            words = f"There is a voice named {request.name} already."
            refuse(context, grpc.StatusCode.FAILED_PRECONDITION, words, "Choose another name.")
        made = pb.Voice(name=request.name, language=request.language or "en", engine=request.engine or "glow")
        if request.consent:
            made.consent.text = request.consent
        self.rows.append(made)
        found = [
            findings.ok("engine", f"{made.engine} speaks {made.language}. Its base comes with Myna."),
            findings.note("recogniser", f"No recogniser here hears {made.language}.", "Put a model there."),
        ]
        return pb.CreateVoiceResponse(voice=made, path=f"/srv/myna/inbox/{made.name}", findings=found)

    def DeleteVoice(self, request: pb.VoiceRequest, context: Any) -> pb.Voice:
        self.changed.append(("DeleteVoice", request.voice, 0))
        row = next(row for row in self.rows if row.name == request.voice)
        row.deleted.CopyFrom(NOW)
        return row

    def RestoreVoice(self, request: pb.VoiceRequest, context: Any) -> pb.Voice:
        self.changed.append(("RestoreVoice", request.voice, 0))
        row = next(row for row in self.rows if row.name == request.voice)
        row.ClearField("deleted")
        return row

    def RenameVoice(self, request: pb.RenameVoiceRequest, context: Any) -> pb.Voice:
        self.changed.append((f"RenameVoice {request.name}", request.voice, 0))
        row = next(row for row in self.rows if row.name == request.voice)
        row.name = request.name
        return row

    def SetConsent(self, request: pb.SetConsentRequest, context: Any) -> pb.ConsentNote:
        note = pb.ConsentNote(text=request.text, by="ed", time=NOW, voice=request.voice)
        self.notes.insert(0, note)
        return note

    def ConsentNotes(self, request: pb.VoiceRequest, context: Any) -> pb.ConsentNotesResponse:
        own = [note for note in self.notes if note.voice == request.voice]
        return pb.ConsentNotesResponse(notes=own, asks=not own)

    def Versions(self, request: pb.VersionsRequest, context: Any) -> pb.VersionsResponse:
        if request.voice not in {row.name for row in self.rows} | {"anna"}:
            refuse(
                context, grpc.StatusCode.NOT_FOUND, f"There is no voice named {request.voice!r}.", "There are: anna."
            )
        rows = self.versions.get(request.voice, [])
        return pb.VersionsResponse(versions=[row for row in rows if request.number in (0, row.number)])

    def Promote(self, request: pb.VersionRequest, context: Any) -> pb.Version:
        self.changed.append(("Promote", request.voice, request.version))
        (voice,) = (row for row in self.rows if row.name == request.voice)
        for row in self.versions[request.voice]:
            if row.number in (voice.promoted, request.version):
                row.state = "promoted" if row.number == request.version else "archived"
        voice.promoted = request.version
        return next(row for row in self.versions[request.voice] if row.number == request.version)

    def Rollback(self, request: pb.VoiceRequest, context: Any) -> pb.Version:
        self.changed.append(("Rollback", request.voice, 0))
        now = next(row for row in self.versions[request.voice] if row.state == "archived")
        next(row for row in self.rows if row.name == request.voice).promoted = now.number
        return now

    def Delete(self, request: pb.VersionRequest, context: Any) -> pb.Version:
        self.changed.append(("Delete", request.voice, request.version))
        row = next(row for row in self.versions[request.voice] if row.number == request.version)
        row.state = "archived"
        return row

    def Purge(self, request: pb.PurgeRequest, context: Any) -> pb.PurgeResponse:
        answer = pb.PurgeResponse()
        if request.exports:
            gone = [name for name in self.packages if name.startswith(request.voice)]
            answer.purged.extend(pb.Purged(name=name, size=2_000_000, state="purged") for name in gone)
            self.packages = [name for name in self.packages if request.dry_run or name not in gone]
        for row in () if request.exports else self.versions[request.voice]:
            name = f"{row.voice}@{row.number}"
            if row.number in request.versions and row.state not in ("archived", "rejected"):
                sentence = f"{name} is {row.state}; only archived and rejected versions can be purged."
                refuse(context, grpc.StatusCode.FAILED_PRECONDITION, sentence, f"`myna archive {name}` first.")
            if row.number in request.versions or row.state in request.states:
                if row.number in self.needed:
                    why = f"{name} cannot be purged: anna@7 holds adapters only, and is loaded onto it."
                    answer.left.append(pb.Purged(name=name, state="needed", sentence=why))
                    continue
                answer.purged.append(pb.Purged(name=name, size=280_000_000, state="purged"))
                if not request.dry_run:
                    self.changed.append(("Purge", row.voice, row.number))
                    row.state = "purged"
        answer.freed = sum(one.size for one in answer.purged)
        return answer

    def Compare(self, request: pb.CompareRequest, context: Any) -> pb.CompareResponse:
        if request.b in self.unscored:
            both = f"{request.voice}@{request.a} and {request.voice}@{request.b}"
            sentence = f"{both} were not scored on the same held-out lines yet."
            return pb.CompareResponse(
                ready=False, sentence=f"{sentence} `myna compare --score` lets them speak these lines."
            )
        named = (request.voice, request.a), (request.voice_b or request.voice, request.b)
        one, other = (
            next((row.metrics for row in self.versions.get(voice, []) if row.number == number), {})
            for voice, number in named
        )
        metrics = [
            pb.ComparedMetric(
                name=name, a=one[name], b=other[name], recordings=self.recorded.get(name, math.nan),
                lower_is_better=name == "wer", better="ab"[(one[name] > other[name]) == (name == "wer")],
                low=self.sure.get(name, (None, None))[0], high=self.sure.get(name, (None, None))[1],
            )
            for name in sorted(one)
            if name in other
        ]  # fmt: skip
        infos = [metric_message(info) for info in METRICS.values()]
        return pb.CompareResponse(
            infos=infos, metrics=metrics, lines=self.lines, sentence=self.sentence, ready=True, decision=self.decision
        )

    def Rate(self, request: pb.Rating, context: Any) -> pb.Rating:
        rated = pb.Rating()
        rated.CopyFrom(request)
        rated.id = self.rated[-1].id + 1 if self.rated else 1
        self.rated.append(rated)
        return self._answer(rated)

    def Unrate(self, request: pb.UnrateRequest, context: Any) -> pb.Rating:
        (gone,) = (rating for rating in self.rated if rating.id == request.id)
        self.rated.remove(gone)
        return self._answer(gone)

    def Undecided(self, request: pb.UndecidedRequest, context: Any) -> pb.UndecidedResponse:
        open_still = [one for one in self.undecided if not one.listening.decision]
        return pb.UndecidedResponse(versions=[one for one in open_still if request.voice in ("", one.voice)])

    def _answer(self, rating: pb.Rating) -> pb.Rating:
        """The rating with what the votes come to, where votes decide."""
        answer, one = pb.Rating(), self._listening(rating.voice, rating.a, rating.b)
        answer.CopyFrom(rating)
        if one is not None and not one.decision and one.standing == pb.STANDING_PREFERRED:
            one.decision = answer.decision = pb.DECISION_PREFERRED
            name = f"{rating.voice}@{one.version}"
            votes = f"{one.wins} of {one.wins + one.losses} blind votes"
            one.sentence = f"Decided: {name} won {votes}, and {name} was promoted."
        answer.sentence = one.sentence if one is not None else ""
        return answer

    def _listening(self, voice: str, a: int, b: int) -> pb.Listening | None:
        """What the votes on an undecided version come to now."""
        found = (one.listening for one in self.undecided if one.voice == voice)
        one = next((one for one in found if {one.version, one.against} == {a, b}), None)
        if one is not None and not one.decision:
            votes = [
                rating.a if rating.preferred == "a" else rating.b
                for rating in self.rated
                if rating.blind and rating.preferred in ("a", "b") and {rating.a, rating.b} == {a, b}
            ]
            look = Look(votes.count(one.version), votes.count(one.against), 0.95)
            one.wins, one.losses, one.standing = look.wins, look.losses, on_wire(Standing, look.standing)
            won = f"{voice}@{one.version} won {one.wins} of {len(votes)} blind votes"
            one.sentence = f"{won}: about {look.more} more like these would decide."
        return one

    def Ratings(self, request: pb.RatingsRequest, context: Any) -> pb.RatingsResponse:
        votes = {which: sum(rating.preferred == which for rating in self.rated) for which in ("a", "b", "same")}
        decided = votes["a"] + votes["b"]
        low, high = tally.wilson(votes["b"], decided)
        scores = [
            [getattr(rating, name) for rating in self.rated if getattr(rating, name)] for name in ("score_a", "score_b")
        ]
        opinions = [
            pb.OpinionScore(count=len(each), **dict(zip(("mean", "low", "high"), tally.opinion(each), strict=True)))
            for each in scores
        ]
        counted = pb.Tally(
            **votes, ratings=len(self.rated), blind=sum(one.blind for one in self.rated), low=low, high=high,
            share_b=votes["b"] / decided if decided else math.nan,
            score_a=opinions[0], score_b=opinions[1],
            sentence=f"{request.voice}@{request.b} was preferred {votes['b']} of {decided} times.",
        )  # fmt: skip
        one = self._listening(request.voice, request.a, request.b)
        if one is not None:
            counted.listening.CopyFrom(one)
        return pb.RatingsResponse(ratings=self.rated[::-1], tally=counted)

    def Export(self, request: pb.ExportRequest, context: Any) -> Iterator[pb.FilePart]:
        self.exported.append(request)
        if request.format == "myna":
            yield pb.FilePart(name=f"{request.voice}.myna.tar.zst", size=7)
            yield pb.FilePart(data=b"package")
            return
        refuse(
            context,
            grpc.StatusCode.UNIMPLEMENTED,
            "Packages come in a later version.",
            "Copy the version's folder for now.",
        )
        yield pb.FilePart()
