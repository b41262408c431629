"""`azure`: POST /cognitiveservices/v1 with SSML
(https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech), as raw PCM."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from engines.base import SpeechRequest
from engines.remote import trouble
from engines.remote.access import Access
from engines.remote.providers import AZURE
from engines.remote.speech import RemoteEngine
from engines.remote.transfer import Call
from engines.remote.trouble import Trouble

_NAMESPACE = "http://www.w3.org/2001/10/synthesis"
#: What XML 1.0 knows no way to write.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Azure:
    """See `engines.remote.speech.Way`."""

    provider = AZURE

    def call(self, access: Access, key: str, text: str, request: SpeechRequest) -> Call:
        headers = {
            "Content-Type": "application/ssml+xml",
            "X-Microsoft-OutputFormat": "raw-24khz-16bit-mono-pcm",
            "User-Agent": "Myna",
        } | ({"Ocp-Apim-Subscription-Key": key} if key else {})
        return Call(f"{access.base_url}/cognitiveservices/v1", headers, ssml(access.voice, text, request).encode())

    def trouble(self, status: int, body: bytes, key: str) -> Trouble:
        said = fields.get("message") if (fields := trouble.fields(body, "error")) else _plain(body)
        return Trouble(trouble.by_status(status), status, trouble.shown(said, key))


def ssml(voice: str, text: str, request: SpeechRequest) -> str:
    """The text as the voice is to say it: nothing in it is markup."""
    locale = "-".join(voice.split("-")[:2]) if voice.count("-") >= 2 else request.language
    said = escape(_NO_XML.sub(" ", text))
    if request.speed != 1.0:
        said = f'<prosody rate="{request.speed - 1:+.0%}">{said}</prosody>'
    named = quoteattr(_NO_XML.sub(" ", voice))
    return (
        f'<speak version="1.0" xmlns="{_NAMESPACE}" xml:lang={quoteattr(locale)}>'
        f"<voice name={named}>{said}</voice></speak>"
    )


def _plain(body: bytes) -> str:
    """What it says where that is no markup."""
    text = body.decode("utf-8", errors="replace").strip()
    return "" if text.startswith(("<", "{")) else text


def create() -> RemoteEngine:
    return RemoteEngine(Azure())
