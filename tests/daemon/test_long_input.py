"""Input of any length comes back in no error, title or event past what a person would read."""

from __future__ import annotations

from pathlib import Path

import grpc
import lives
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from living_daemon import Living, lived

from daemon.database.store import Store
from daemon.errors import MynaError, brief
from daemon.state import events, jobs, waiting
from daemon.state.status import ENDED
from daemon.state.waiting import Note
from proto import myna_pb2 as pb
from proto.channel import HINT_KEY

INPUTS = {"a word": "x" * 16_384, "words": "a ä " * 4_096, "pictures": "🐦" * 16_384, "pictures apart": "🐦 " * 8_192}


@pytest.mark.parametrize("text", INPUTS.values(), ids=INPUTS)
def test_of_long_input_an_error_has_two_hundred_characters_and_its_own_words(text: str) -> None:
    error = MynaError(f"There is no voice named {text!r}. There are: anna.", f"Not {text}: give another.")
    assert error.sentence.startswith("There is no voice named")
    assert error.sentence.endswith("There are: anna.")
    assert error.hint.endswith("give another.")
    for start in range(0, len(text) - 202, 50):
        assert text[start : start + 202] not in str(error)


def test_a_sentence_of_usual_length_stays_as_it_is() -> None:
    sentence = "Three words and a path: /" + "p" * 180
    assert brief(sentence) == sentence


def filled(message: Message, text: str, which: int, depth: int = 0) -> Message:
    """The message with `text` in all its strings; of a oneof, the field number `which` of those it may have."""
    for field in message.DESCRIPTOR.fields:
        if (
            field.containing_oneof
            and field.containing_oneof.fields[which % len(field.containing_oneof.fields)] is not field
        ):
            continue
        if field.message_type is not None and not field.message_type.GetOptions().map_entry and depth < 4:
            inner = getattr(message, field.name)
            filled(inner.add() if field.is_repeated else inner, text, which, depth + 1)
        elif field.type == FieldDescriptor.TYPE_STRING and field.is_repeated:
            getattr(message, field.name).append(text)
        elif field.type == FieldDescriptor.TYPE_STRING:
            setattr(message, field.name, text)
        elif field.type == FieldDescriptor.TYPE_BYTES and not field.is_repeated:
            setattr(message, field.name, text.encode())
    return message


def requests(method: MethodDescriptor, text: str) -> set[bytes]:
    """One for each of the things that the method can be asked."""
    made = [filled(GetMessageClass(method.input_type)(), text, which) for which in range(8)]
    return {message.SerializeToString() for message in made}


@pytest.mark.integration
@pytest.mark.parametrize("text", INPUTS.values(), ids=INPUTS)
def test_every_call_answers_long_input_with_a_short_sentence(tmp_path: Path, text: str) -> None:
    async def life(living: Living) -> None:
        refused = 0
        async with grpc.aio.insecure_channel(f"unix:{tmp_path}/run/mynad.sock") as channel:
            for service in pb.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    if method.name == "Shutdown":
                        continue
                    for request in requests(method, text):
                        call = channel.stream_stream(f"/{service.full_name}/{method.name}")(
                            iter([request]), timeout=0.3
                        )
                        try:
                            await call.read()
                        except grpc.aio.AioRpcError as error:
                            code, words = error.code(), error.details() or ""
                            assert code not in (
                                grpc.StatusCode.RESOURCE_EXHAUSTED,
                                grpc.StatusCode.INTERNAL,
                                grpc.StatusCode.UNKNOWN,
                            ), f"{method.full_name}: {words[:500]}"
                            hint = dict(error.trailing_metadata() or ()).get(HINT_KEY, b"")
                            assert len(words) < 1_000, method.full_name
                            assert len(hint) < 2_000, method.full_name
                            refused += code == grpc.StatusCode.INVALID_ARGUMENT or code == grpc.StatusCode.NOT_FOUND
                        finally:
                            call.cancel()
        assert refused > 20
        for event in living.daemon.store.read_now(events.after, 0)[0]:
            assert len(event.job.title) < 500
            assert len(event.notice.sentence) < 500
            assert len(event.inbox.why) < 1_000

    lived(tmp_path, life)


def test_what_a_worker_says_is_kept_short(store: Store) -> None:
    """In the job's error, its title, and what it waits for."""
    from daemon.state.status import Error

    long = INPUTS["words"]
    spec = pb.JobSpec(speak=pb.SpeakSpec(voice="anna", text="hello"))
    job = store.write_now(lambda session: lives.submit(session, spec).id)

    def fail(session: object) -> pb.Job:
        found = jobs.get(session, job)  # type: ignore[arg-type]
        waiting.tell(session, found, Note(long))  # type: ignore[arg-type]
        assert len(found.why) < 500
        lives.fail(session, found, Error("engine", long, long, long))  # type: ignore[arg-type]
        return jobs.message(found)

    message = store.write_now(fail)
    assert message.status.WhichOneof("status") in ENDED
    error = message.status.failed.error
    assert max(len(error.sentence), len(error.hint)) < 500
    assert error.log_tail == long
