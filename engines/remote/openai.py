"""`openai`: POST /audio/speech (https://platform.openai.com/docs/api-reference/audio/createSpeech), as PCM. Any server
that answers so will do."""

from __future__ import annotations

import json

from engines.base import SpeechRequest
from engines.remote import trouble
from engines.remote.access import Access
from engines.remote.providers import OPENAI
from engines.remote.speech import RemoteEngine
from engines.remote.transfer import Call
from engines.remote.trouble import Reason, Trouble


class OpenAI:
    """See `engines.remote.speech.Way`."""

    provider = OPENAI

    def call(self, access: Access, key: str, text: str, request: SpeechRequest) -> Call:
        asked = {"model": access.model, "voice": access.voice, "input": text, "response_format": "pcm"}
        body = asked if request.speed == 1.0 else {**asked, "speed": request.speed}
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        return Call(f"{access.base_url}/audio/speech", headers, json.dumps(body).encode())

    def trouble(self, status: int, body: bytes, key: str) -> Trouble:
        found = trouble.fields(body, "error")
        reason = trouble.by_status(status)
        if "insufficient_quota" in (found.get("code"), found.get("type")):
            reason = Reason.QUOTA
        return Trouble(reason, status, trouble.shown(found.get("message"), key))


def create() -> RemoteEngine:
    return RemoteEngine(OpenAI())
