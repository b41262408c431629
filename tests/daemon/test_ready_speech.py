"""A speech worker that waits, with the voices' engines ready, before anybody asks for speech."""

from __future__ import annotations

from pathlib import Path

import pytest
from living_daemon import Living, lived
from test_attempts import ended

from tests.waits import until

pytestmark = pytest.mark.integration


async def spoken(living: Living) -> str:
    return (await living.until(await living.speak("hello"), "succeeded")).status.succeeded.sentence


def test_the_first_request_is_spoken_by_a_worker_that_was_ready(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.daemon.speech.get_ready()
        assert await spoken(living) == f"spoken by process {living.daemon.speech.pid} that had glow ready"

    lived(tmp_path, life, speech_ready=True)


def test_a_job_that_succeeds_may_give_a_voice_its_first_words_so_a_worker_gets_ready(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        assert living.daemon.speech.pid is None, "there was no voice when mynad started"
        await living.until(await living.ingest("anna"), ended)
        await until(lambda: living.daemon.speech.pid is not None)
        assert (await spoken(living)).endswith("that had glow ready")

    lived(tmp_path, life, speech_ready=True)


def test_after_an_idle_worker_gave_its_memory_back_another_is_ready(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        first = await spoken(living)
        worker = living.daemon.speech._worker
        assert worker is not None
        await worker.ended
        await living.daemon.speech.get_ready()
        second = await spoken(living)
        assert second != first
        assert second.endswith("that had glow ready")

    lived(tmp_path, life, speech_ready=True, speech_idle_seconds=0.3)


def test_without_the_setting_no_worker_is_kept(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.daemon.speech.get_ready()
        assert living.daemon.speech.pid is None
        assert "ready" not in await spoken(living)

    lived(tmp_path, life, speech_ready=False)
