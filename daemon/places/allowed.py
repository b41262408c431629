"""Who may push to a place, or pull from it: the workstation's owner and administrators anywhere; others where
`[push] allow` says so. A version may also go where the `voice.toml` of the owner's voice has it go by itself."""

from __future__ import annotations

from sqlalchemy.orm import Session

from daemon.database.models import Voice
from daemon.database.store import caller_of
from daemon.errors import NotAllowed
from daemon.places.place import Place, is_allowed
from daemon.settings import Settings

#: Key of `voice.toml`.
AUTO_PUSH = "auto_push"


def require(session: Session, place: Place, settings: Settings, voice: Voice | None = None) -> None:
    """Raises NotAllowed where the caller may not use the place."""
    caller = caller_of(session)
    if caller.everything or is_allowed(place, settings.push.allow):
        return
    if voice is not None and not voice.owner and str(voice.options.get(AUTO_PUSH, "")) == str(place):
        return
    named = ", ".join(settings.push.allow) or "none so far"
    raise NotAllowed(
        f"{caller.title} may not use {place}.",
        f"Places for everybody are those of allow in [push] of myna.toml: {named}.",
    )


def by_itself(place: Place, settings: Settings, voice: Voice) -> bool:
    """Whether a voice's versions may go there without anybody asking: a person's voice only to places for everybody."""
    return not voice.owner or is_allowed(place, settings.push.allow)
