"""TensorBoard event files of a run, one event a step."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from engines import import_stand_ins
from engines.files import disk_full_is_a_sentence

with import_stand_ins.without("boto3", "botocore", "fsspec"):  # for event files in a store elsewhere: ours are here
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter


class EventFiles:
    """Writes scalars in the background. After a resume a new file tells TensorBoard to forget the steps that come
    again."""

    def __init__(self, folder: Path, from_step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventFileWriter(str(folder), max_queue_size=1000, flush_secs=10)
        if from_step > 1:
            self._add(Event(step=from_step, session_log=SessionLog(status=SessionLog.START)))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._add(
            Event(
                step=step,
                summary=Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]),
            )
        )

    def close(self) -> None:
        """Everything written; quiet about a full disk, which has been said by then."""
        with suppress(OSError):
            self._writer.close()

    def _add(self, event: Event) -> None:
        event.wall_time = time.time()
        with disk_full_is_a_sentence("the run's TensorBoard file"):
            self._writer.add_event(event)
