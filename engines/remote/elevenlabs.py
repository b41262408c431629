"""`elevenlabs`: POST /v1/text-to-speech/{voice_id}/stream
(https://elevenlabs.io/docs/api-reference/text-to-speech/stream), as PCM."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from engines.base import SpeechRequest
from engines.remote import trouble
from engines.remote.access import Access
from engines.remote.providers import ELEVENLABS, RATE
from engines.remote.speech import RemoteEngine
from engines.remote.transfer import Call
from engines.remote.trouble import Reason, Trouble

SEEDS = 2**32  #: seeds that there are; of a larger one the rest counts
#: models that take a language; the others answer with an error
_LANGUAGE_MODELS = ("eleven_turbo_v2_5", "eleven_flash_v2_5")


class ElevenLabs:
    """See `engines.remote.speech.Way`."""

    provider = ELEVENLABS

    def call(self, access: Access, key: str, text: str, request: SpeechRequest) -> Call:
        body: dict[str, Any] = {"text": text, "model_id": access.model}
        if request.speed != 1.0:
            body["voice_settings"] = {"speed": request.speed}
        if request.seed is not None:
            body["seed"] = request.seed % SEEDS
        if access.model in _LANGUAGE_MODELS:
            body["language_code"] = request.language.split("-")[0].lower()
        headers = {"Content-Type": "application/json"} | ({"xi-api-key": key} if key else {})
        url = f"{access.base_url}/v1/text-to-speech/{quote(access.voice, safe='')}/stream?output_format=pcm_{RATE}"
        return Call(url, headers, json.dumps(body).encode())

    def trouble(self, status: int, body: bytes, key: str) -> Trouble:
        found = trouble.fields(body, "detail")
        reason = trouble.by_status(status)
        match found.get("status"):
            case "quota_exceeded":  # comes with 401
                reason = Reason.QUOTA
            case "voice_not_found" | "model_not_found":
                reason = Reason.MISSING
            case "too_many_concurrent_requests" | "system_busy" | "rate_limit_exceeded":
                reason = Reason.BUSY
        return Trouble(reason, status, trouble.shown(found.get("message"), key))


def create() -> RemoteEngine:
    return RemoteEngine(ElevenLabs())
