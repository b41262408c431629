"""A whole mynad that tells a service: over restarts, while nobody answers, and at its end."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from living_daemon import Living, living
from receivers import Receiver, receiver
from sqlalchemy.orm import Session
from voice_rows import folder, version

from daemon.database.models import Evaluation, now
from daemon.database.notice_rows import NotifierRow
from daemon.notices import times
from daemon.notices.parcel import Answer, Parcel
from daemon.notify_settings import Notify
from daemon.site_settings import Consent
from daemon.state import consent_notes, occasions, voices
from daemon.state.values import OccasionKind
from proto import myna_pb2 as pb
from proto.client import ClientError

pytestmark = pytest.mark.integration
Life = Callable[[Living, Receiver], Awaitable[None]]


def told(home: Path, life: Life, there: Receiver, **choices: Any) -> None:
    """Run a test's coroutine function with a living daemon that tells the service."""

    async def main() -> None:
        notify = (Notify(name="box", url=there.url(), **choices),)
        async with living(home, notify=notify) as running:
            await life(running, there)

    asyncio.run(main())


def two_versions(session: Session) -> None:
    for number in (1, 2):
        folder(Path(str(session.get_bind().engine.url.database)).parent, version(session, number))


def promote(living: Living, number: int) -> None:
    living.daemon.store.write_now(voices.promote, "anna", number, voices.BY_PERSON)


def test_what_happens_is_told_once_in_order_and_over_a_restart(tmp_path: Path) -> None:
    async def first(living: Living, there: Receiver) -> None:
        living.daemon.store.write_now(two_versions)
        promote(living, 1)
        got = await there.coming()
        assert got.body["message"] == "anna@1 speaks now, in place of the engine's base. Promoted by a person."
        assert got.body["title"].endswith(": anna@1 speaks now")
        (one,) = got.body["notices"]
        assert (one["kind"], one["voice"], one["version"]) == ("promoted", "anna", 1)
        failed = await living.train("refuse")
        await living.until(failed, "failed")
        got = await there.coming()
        assert got.body["type"] == "failure"
        assert f"Job #{failed} failed" in got.body["message"]

    async def second(living: Living, there: Receiver) -> None:
        got = await there.coming()
        assert got.body["message"] == "mynad ended in order."
        promote(living, 2)
        assert "anna@2 speaks now, in place of version 1." in (await there.coming()).body["message"]

    with receiver() as there:
        there.answer = lambda: 503 if len(there.all) > 2 else 200
        told(tmp_path, first, there)
        assert "mynad ended in order." in there.next().body["message"]  # it was not taken
        there.answer = lambda: 200
        told(tmp_path, second, there)
        assert [one for got in there.all for one in got.ids] == [1, 2, 3, 3, 4, 5]
        assert there.all[2].key == there.all[3].key


def test_a_service_that_hangs_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.notices.post.FAREWELL", 0.2)
    answers = threading.Event()

    async def life(living: Living, there: Receiver) -> None:
        living.daemon.store.write_now(two_versions)
        promote(living, 1)
        await there.coming()
        (one,) = await living.client.notifiers()  # while the message hangs
        assert (one.service, one.waiting) == ("JSON", 1)
        job = await living.train("done")
        await living.until(job, lambda one: one.status.WhichOneof("status") in ("succeeded", "failed"))
        promote(living, 2)

    with receiver() as there:
        there.answer = lambda: 200 if answers.wait(60) else None
        told(tmp_path, life, there)
        answers.set()

        async def again(living: Living, there: Receiver) -> None:
            while "mynad ended" not in (await there.coming()).body["message"]:
                pass

        told(tmp_path, again, there)
        keys = [got.key for got in there.all]
        assert len(keys) == len(set(keys))  # the sender outlived its mynad: nothing came twice
        ids = [one for got in there.all for one in got.ids]
        assert ids == list(range(1, len(ids) + 1))


def test_a_sender_that_was_killed_before_a_message_loses_none_though_none_may_come_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "FIRST_PAUSE", timedelta(seconds=0.1))

    async def life(living: Living, there: Receiver) -> None:
        living.daemon.store.write_now(two_versions)
        promote(living, 1)
        assert "anna@1" in (await there.coming()).body["message"]
        (post,) = living.daemon.notices._posts.values()
        send = post.sender.send

        async def killed_first(parcel: Parcel) -> Answer:
            post.sender.send = send  # type: ignore[method-assign]
            child = post.sender._child
            assert child is not None
            os.kill(child.pid, signal.SIGKILL)  # mynad has not heard of it yet
            return await send(parcel)

        post.sender.send = killed_first  # type: ignore[method-assign]
        promote(living, 2)
        assert "anna@2" in (await there.coming()).body["message"]

    with receiver() as there:
        told(tmp_path, life, there, repeat=False)
        assert [one for got in there.all for one in got.ids] == [1, 2, 3]


def test_people_list_and_test_notifiers_and_see_no_secret(tmp_path: Path) -> None:
    async def life(living: Living, there: Receiver) -> None:
        (one,) = await living.client.notifiers()
        assert (one.name, one.service, one.shown_url) == ("box", "JSON", f"json://127.0.0.1:{there.port}/…")
        assert (one.takes_files, one.repeats, one.trouble, one.quiet) == (True, True, "", "22-7")
        assert pb.OCCASION_DISK in one.events
        assert there.nothing()
        (test,) = await living.client.test_notifier("box")
        assert (test.taken, test.answer) == (True, "HTTP 200 OK.")
        assert "This is a test" in (await there.coming()).body["message"]  # quiet hours or not
        there.answer = lambda: 403
        (test,) = await living.client.test_notifier()
        assert (test.taken, test.answer) == (False, "HTTP 403 Forbidden.")
        with pytest.raises(ClientError, match=r"There is no notifier named 'other'\. There are: box\."):
            await living.client.test_notifier("other")

    with receiver() as there:
        told(tmp_path, life, there, quiet="22-7")


def test_doctor_names_a_notifier_that_is_not_taken(tmp_path: Path) -> None:
    async def life(living: Living, there: Receiver) -> None:
        living.daemon.store.write_now(two_versions)
        promote(living, 1)
        await there.coming()
        row = await living.daemon.store.read(lambda session: session.get_one(NotifierRow, "box"))
        async with asyncio.timeout(20):
            while row.failing_since is None:  # what became of it is committed after the answer
                await asyncio.to_thread(there.next)
                row = await living.daemon.store.read(lambda session: session.get_one(NotifierRow, "box"))
        findings = {one.name: one for one in await living.client.doctor()}
        assert findings["notify box"].state == "note"
        assert "HTTP 500" in findings["notify box"].sentence

    with receiver() as there:
        there.answer = lambda: 500
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(times, "FIRST_PAUSE", times.FIRST_PAUSE / 50)
            patch.setattr("daemon.notices.post.FAREWELL", 0.2)
            told(tmp_path, life, there)


def test_doctor_names_a_notifier_with_which_nothing_can_be_sent(tmp_path: Path) -> None:
    async def main() -> None:
        async with living(tmp_path, notify=(Notify(name="phone", url="nonsense://secret"),)) as running:
            (found,) = [one for one in await running.client.doctor() if one.name == "notify phone"]
        assert (found.state, found.sentence) == ("problem", "Apprise does not understand its URL.")
        assert "docs/notices.md" in found.hint

    asyncio.run(main())


def spoken(session: Session) -> None:
    """Version 1 spoke a line when it was scored."""
    home = Path(str(session.get_bind().engine.url.database)).parent
    two_versions(session)
    path = home / "samples" / "anna" / "1" / "line.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"RIFF of a line")
    line = {"clip": "c" * 64, "text": "a line", "spoken": "samples/anna/1/line.wav", "spoken_by_parent": ""}
    scored = {"metrics": {}, "against_metrics": {}, "recording_metrics": {}, "better": True, "verdict": ""}
    session.add(Evaluation(voice="anna", version=1, against=0, job=1, report={"lines": [line]}, time=now(), **scored))


@pytest.mark.parametrize(("sample", "noted", "files"), [(True, True, 1), (False, True, 0), (True, False, 0)])
def test_a_spoken_line_goes_along_where_it_may(tmp_path: Path, sample: bool, noted: bool, files: int) -> None:
    async def life(living: Living, there: Receiver) -> None:
        living.daemon.store.write_now(spoken)
        if noted:
            living.daemon.store.write_now(consent_notes.write, "anna", "Anna Berg, who agreed", "")
        promote(living, 1)
        assert len((await there.coming()).body["attachments"]) == files

    async def main(there: Receiver) -> None:
        notify = (Notify(name="box", url=there.url(), sample=sample),)
        async with living(tmp_path, notify=notify, consent=Consent(required=True)) as running:
            await life(running, there)

    with receiver() as there:
        asyncio.run(main(there))


def test_without_notifiers_nothing_is_started_and_nothing_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async with living(tmp_path) as running:
            running.daemon.store.write_now(
                lambda session: occasions.emit(session, OccasionKind.DISK, pb.Occasion(free=1))
            )
            assert await running.client.notifiers() == []
            assert await running.client.test_notifier() == []
        assert not (tmp_path / "run" / "notices").exists()

    asyncio.run(main())
