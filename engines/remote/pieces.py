"""What is sent to a provider at once, and by what it is known where it was spoken before. Loads nothing heavy: mynad
asks, too, before anything is sent."""

from __future__ import annotations

from engines.base import SpeechRequest
from engines.remote import cache as caches
from engines.remote.access import Access
from engines.remote.cache import Cache
from engines.remote.providers import Provider
from engines.text import sentences

#: Characters that are sent at once: whole sentences, so that they sound as one, and few enough that who hangs up in the
#: middle of a book has not paid for all of it.
PIECE = 600


def pieces(request: SpeechRequest, longest: int) -> list[str]:
    """The text in whole sentences, together as long as they fit; one that is too long is cut."""
    most = min(PIECE, longest)
    joined: list[str] = []
    for sentence in sentences.split(request.text, request.language.split("-")[0].lower(), most):
        if joined and len(joined[-1]) + 1 + len(sentence) <= most and len(joined) > 1:
            joined[-1] += f" {sentence}"
        else:  # the first sentence goes alone: it is heard sooner
            joined.append(sentence)
    return joined


def kept_key(provider: Provider, access: Access, piece: str, request: SpeechRequest) -> str:
    """What a piece is called in the cache, spoken so."""
    seed = request.seed if request.seed is not None else ""
    made_of = [
        access.whose, provider.name, access.base_url, access.model, access.voice,
        request.language, request.speed, seed, piece,
    ]  # fmt: skip
    return caches.key(made_of)


def new_and_kept(provider: Provider, access: Access, request: SpeechRequest) -> tuple[int, int]:
    """Characters, as the provider counts them: of pieces that would be sent, and of those that were spoken before."""
    cache = Cache(access.cache, access.cache_bytes)
    counted = {True: 0, False: 0}
    for piece in pieces(request, provider.longest):
        counted[cache.has(kept_key(provider, access, piece, request))] += provider.billed(piece)
    return counted[False], counted[True]
