"""What of the disk a person may still use, for what is about to come in."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from sqlalchemy.orm import Session

from daemon import names
from daemon.database.store import Store
from daemon.machine.disk_space import folder_size
from daemon.state import accounts, quotas
from daemon.state.quotas import Resource, Use


async def of_voice(store: Store, home: Path, voice: str) -> Use | None:
    """How the person whose voice it is stands with their disk, with all that lies in their inboxes and is not taken
    yet; None: there is no limit. `voice`: there need not be one; it will be the caller's then."""

    def ask(session: Session) -> tuple[Use | None, list[str]]:
        person = quotas.pays(session, voice)
        found = quotas.use(session, person, Resource.DISK)
        return found, accounts.voices_of(session, person) if found is not None else []

    found, voices = await store.read(ask)
    if found is None:
        return None
    return replace(found, used=found.used + await asyncio.to_thread(_in_inbox, home, voices))


def _in_inbox(home: Path, voices: list[str]) -> int:
    """Bytes in the inbox folders of voices, but for their voice.toml."""
    folders = [home / "inbox" / voice for voice in voices]
    options = [path for folder in folders if (path := folder / os.fsdecode(names.VOICE_TOML)).is_file()]
    return sum(map(folder_size, folders)) - sum(path.stat().st_size for path in options)
