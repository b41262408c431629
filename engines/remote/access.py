"""How a provider may be asked in this process: whoever lets an engine speak says it, and the engine's `load` takes it.

It is no part of a request: the same text is spoken by any engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from engines.errors import EngineError


def _nobody_counts(_characters: int) -> None:
    """What is sent is on no account."""


@dataclass(frozen=True)
class Access:
    """To one voice of a provider."""

    voice: str  #: as the provider calls it
    model: str
    base_url: str  #: without a slash at its end
    key_file: Path | None  #: None: no key is sent, as to a server of one's own
    cache: Path | None = None  #: folder of what was spoken before; None: nothing is kept
    cache_bytes: int = 0  #: that it may hold
    whose: str = ""  #: text it is: what was spoken before for another costs anew, so that nobody can tell that it was
    #: asked before so many characters are sent; what it raises keeps them here
    may_send: Callable[[int], None] = _nobody_counts
    #: told of characters that the provider took, before anything is heard of them
    charge: Callable[[int], None] = _nobody_counts
    #: told of characters that were spoken before, and so cost nothing
    save: Callable[[int], None] = _nobody_counts


_given: ContextVar[Access | None] = ContextVar("access", default=None)


def current() -> Access:
    """Raises EngineError where nobody gave any."""
    found = _given.get()
    if found is None:
        raise EngineError("Nobody said how the provider is to be asked.", "Speak through mynad.")
    return found


@contextmanager
def given(access: Access | None) -> Iterator[None]:
    """Let engines that are elsewhere be asked so, for as long as the block lasts."""
    token = _given.set(access)
    try:
        yield
    finally:
        _given.reset(token)
