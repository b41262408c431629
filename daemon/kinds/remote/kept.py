"""What an engine elsewhere spoke before, and need not be sent again: it costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from daemon.home import kept_lines
from daemon.remote_settings import Use
from daemon.state import remote_voices
from engines.base import SpeechRequest
from engines.remote.access import Access
from engines.remote.pieces import new_and_kept
from proto import worker_pb2 as wire


def of_request(of: Use, voice: str, request: SpeechRequest, person: str, home: Path) -> tuple[int, int]:
    """Characters of it that would be sent, and that were spoken before, for that person."""
    told = remote_voices.speaker(of, voice, person, home)
    return new_and_kept(of.provider, _access(told), request)


def of_lines(of: Use, voice: str, texts: Sequence[str], language: str, person: str, home: Path) -> tuple[int, int]:
    """The same of texts that are said to be compared; those lie in `samples/`, too, whoever asked for them."""
    told = remote_voices.speaker(of, voice, person, home)
    folder = home / "samples" / voice / kept_lines.BASE
    who = kept_lines.elsewhere(of.provider.name, told.base_url, told.model, told.voice)
    new = kept = 0
    for text in texts:
        name = kept_lines.text_name(text, language)
        if kept_lines.is_there(kept_lines.wav(folder, name), kept_lines.key(who, name, text, language)):
            kept += of.provider.billed(text)
            continue
        more = new_and_kept(of.provider, _access(told), SpeechRequest(text, language, seed=kept_lines.SEED))
        new, kept = new + more[0], kept + more[1]
    return new, kept


def _access(told: wire.RemoteSpeaker) -> Access:
    return Access(
        voice=told.voice,
        model=told.model,
        base_url=told.base_url,
        key_file=None,
        cache=Path(told.cache_dir),
        cache_bytes=told.cache_bytes,
        whose=told.person,
    )
