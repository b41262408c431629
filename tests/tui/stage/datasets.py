"""The paper daemon's datasets, clips and recordings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from tests.tui.stage.rows import NOW


class Datasets(stubs.DatasetsServicer):
    def __init__(self) -> None:
        self.uploaded: dict[str, bytes] = {}
        self.exported: list[pb.ExportDatasetRequest] = []
        self.imported: dict[str, bytes] = {}  #: by voice
        self.tokens: list[str] = []
        self.speakers: list[pb.Speaker] = []
        self.own_speaker = ""
        self.everybody = False  # others are kept, too
        self.missing = False  # whom a person chose is not heard
        self.by: int = pb.OWN_SPEAKER_MOST  # where nobody chose
        self.asked_who_speaks = 0
        why = "It lasts 0.2 s; 1.0 s is the least."
        self.clips = [
            pb.Clip(
                sha256="c0ffee" * 10,
                recording_name="a.wav",
                end=3.0,
                text="hello there",
                text_source="given",
                kept=True,
            ),
            pb.Clip(recording_name="b\nad.wav", end=0.2, reason="too-short", sentence=why),
        ]
        self.doubts: dict[str, list[pb.Doubt]] = {}  # what is to review, by digest
        self.most_reviewed = 1_000  # clips to review that one answer has
        self.before: list[pb.Clip] = []  # clips as they were before a person changed them, oldest first
        self.datasets: list[pb.Dataset] = []
        self.sounds: dict[str, bytes] = {}  # files of clips, by digest
        self.given = [
            pb.Recording(voice="anna", sha256=digit * 64, name=f"{digit}.wav", seconds=3.0, clips=1) for digit in "abc"
        ]

    def Clips(self, request: pb.ClipsRequest, context: Any) -> pb.ClipsResponse:
        rows = [
            row for row in self.clips if (row.kept or request.dropped) and (row.held_out or not request.held_out_only)
        ]  # as the daemon does: dropped ones too
        start, size = int(request.page.token or 0), request.page.size or 50
        return pb.ClipsResponse(
            clips=rows[start : start + size], next_token=str(start + size) if start + size < len(rows) else ""
        )

    def Review(self, request: pb.ReviewRequest, context: Any) -> pb.ReviewResponse:
        found = []
        for row in self.clips:
            if row.trust != "person" and row.sha256 in self.doubts:
                found.append(pb.Clip())
                found[-1].CopyFrom(row)
                found[-1].doubts.extend(self.doubts[row.sha256])
                found[-1].doubt = max(doubt.weight for doubt in found[-1].doubts)
        found.sort(key=lambda clip: -clip.doubt)
        return pb.ReviewResponse(clips=found[: min(request.page.size, self.most_reviewed)], left=len(found))

    def SetClip(self, request: pb.SetClipRequest, context: Any) -> pb.Clip:
        (row,) = (row for row in self.clips if row.sha256 == request.sha256)
        if request.HasField("undo"):  # alone: the last change; else how the clip was
            row.CopyFrom(request.undo if request.undo.text_source else self.before.pop())
            row.ClearField("doubt")
            row.ClearField("doubts")  # which only `Review` tells
            return row
        self.before.append(pb.Clip())
        self.before[-1].CopyFrom(row)
        if request.HasField("text"):
            row.text, row.text_source = request.text, "person"
        if request.HasField("kept"):
            row.kept, row.reason = request.kept, "" if request.kept else "person"
            row.sentence = "" if request.kept else "A person took it out."
        row.trust = "person"
        return row

    def List(self, request: pb.ListDatasetsRequest, context: Any) -> pb.ListDatasetsResponse:
        return pb.ListDatasetsResponse(datasets=self.datasets)

    def Speakers(self, request: pb.SpeakersRequest, context: Any) -> pb.SpeakersReply:
        self.asked_who_speaks += 1
        by = pb.OWN_SPEAKER_PERSON if self.own_speaker else self.by
        own = self.own_speaker or (
            max(self.speakers, key=lambda one: one.seconds).example.sha256 if self.speakers else ""
        )
        return pb.SpeakersReply(
            voice=request.voice,
            speakers=sorted(self.speakers, key=lambda one: (one.example.sha256 != own, -one.seconds)),
            by=by if self.speakers else 0,  # type: ignore[arg-type]  # any number travels
            missing=self.missing,
            everybody=self.everybody,
        )

    def ChooseSpeaker(self, request: pb.ChooseSpeakerRequest, context: Any) -> pb.SpeakersReply:
        self.own_speaker = request.sha256
        return self.Speakers(pb.SpeakersRequest(voice=request.voice), context)

    def Calibrate(self, request: pb.CalibrateRequest, context: Any) -> pb.Calibration:
        spread = pb.Spread(
            measure="snr_db", title="speech above the noise", unit="dB", clips=2, least=4.0, lower_quartile=13.0,
            median=22.0, upper_quartile=31.0, most=40.0, histogram=[1, 0, 0, 1],
        )  # fmt: skip
        noisy = pb.LimitEffect(
            reason="noisy", limit="noisy", value=request.limits.get("noisy", "10"), clips=1, seconds=0.2
        )
        return pb.Calibration(
            voice=request.voice, clips=2, seconds=3.2, kept=1, kept_seconds=3.0, kept_now=1, spreads=[spread],
            effects=[noisy],
        )  # fmt: skip

    def Wanted(self, request: pb.WantedRequest, context: Any) -> pb.WantedReply:
        said = pb.SoundCoverage(
            sounds=[pb.SoundCount(sound="ə", count=12), pb.SoundCount(sound="b", count=1)],
            missing=["ʒ"],
            pairs=7,
            words=4,
            unknown=["xqzvy"],
        )
        best = pb.WantedSentence(text="A beige garage.", sounds=["ʒ"], rare_pairs=3)
        others = [pb.WantedSentence(text=f"Sentence {n}.") for n in range(2, request.sentences + 1)]
        return pb.WantedReply(number=4, unit=pb.PHONEMES, training=said, held_out=said, sentences=[best, *others])

    def ClipFile(self, request: pb.ClipRequest, context: Any) -> Iterator[pb.FilePart]:
        data = self.sounds[request.sha256]
        yield pb.FilePart(data=data[:100], name="clip.flac", size=len(data))
        yield pb.FilePart(data=data[100:])

    def Recordings(self, request: pb.ListRecordingsRequest, context: Any) -> pb.ListRecordingsResponse:
        return pb.ListRecordingsResponse(
            recordings=[row for row in self.given if request.removed or not row.HasField("removed")]
        )

    def Remove(self, request: pb.RecordingRequest, context: Any) -> pb.Recording:
        (row,) = (row for row in self.given if row.sha256 == request.sha256)
        row.removed.CopyFrom(NOW)
        return row

    def Restore(self, request: pb.RecordingRequest, context: Any) -> pb.Recording:
        (row,) = (row for row in self.given if row.sha256 == request.sha256)
        row.ClearField("removed")
        return row

    def Upload(self, parts: Iterator[pb.UploadPart], context: Any) -> pb.UploadResponse:
        self.tokens += [str(value) for key, value in context.invocation_metadata() if key == "authorization"]
        name = ""
        for part in parts:
            name = part.name or name
            self.uploaded[name] = self.uploaded.get(name, b"") + part.data
        return pb.UploadResponse(names=list(self.uploaded))

    def Export(self, request: pb.ExportDatasetRequest, context: Any) -> Iterator[pb.FilePart]:
        self.exported.append(request)
        yield pb.FilePart(name=f"{request.voice}.tar", size=7)
        yield pb.FilePart(data=b"package")

    def Import(self, parts: Iterator[pb.FilePart], context: Any) -> pb.Dataset:
        first, *rest = parts
        self.imported[first.voice] = b"".join(part.data for part in rest)
        return pb.Dataset(voice=first.voice or "robin", number=1, sentence="Dataset #1: 4 clips to train on.")

    def Merge(self, request: pb.MergeRequest, context: Any) -> pb.MergeResponse:
        sources = [
            pb.MergedSource(voice=voice, number=2, recordings=3, clips=8, held_out=1) for voice in request.voices
        ]
        made = pb.Dataset(voice=request.into, number=1, sentence="Dataset #1: 16 clips to train on.")
        return pb.MergeResponse(sources=sources, dataset=made)
