"""GET /openapi.json: what can be asked here."""

from __future__ import annotations

from typing import Any

from doors.http.asked import FASTEST, SLOWEST, Delivery, Times
from doors.http.subtitles import Subtitles
from doors.http.subtitles import media_type as text_type
from doors.http.transcriptions import ANY, WEAK, Shape
from proto.passes import KNOWN
from sound.streams import Format, media_type

_TEXT = {"type": "string"}


def description() -> dict[str, Any]:
    """OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Myna", "version": "1", "description": "OpenAI's speech API, spoken by your voices."},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Speech": _speech(), "Error": _error()},
        },
        "security": [{"token": []}],
        "paths": {
            "/v1/audio/speech": {"post": _speak()},
            "/v1/audio/transcriptions": {"post": _transcribe()},
            "/v1/audio/voices": {"get": _get("Voices and their other names")},
            "/v1/models": {"get": _get("What `model` may be")},
            "/v1/models/{model}": {
                "get": {
                    **_get("One model"),
                    "parameters": [{"name": "model", "in": "path", "required": True, "schema": _TEXT}],
                }
            },
            "/metrics": {
                "get": _get("How Myna does, in Prometheus' text format; not for a person without the right admin")
            },
            "/healthz": {"get": {**_get("Is mynad there?"), "security": []}},
        },
    }


def _speak() -> dict[str, Any]:
    types = [*map(media_type, Format), *map(text_type, Subtitles), "text/event-stream"]
    sound = {"schema": {"type": "string", "format": "binary"}}
    failed = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "summary": "Speak a text; the sound comes as it is made",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Speech"}}},
        },
        "responses": {
            "200": {"description": "Speech", "content": dict.fromkeys(types, sound)},
            "default": {"description": "Why not", "content": failed},
        },
    }


def _transcribe() -> dict[str, Any]:
    fields = {
        "file": {"type": "string", "format": "binary"},
        "model": {**_TEXT, "default": ANY[0], "description": f"{WEAK}: English, and not to be relied on"},
        "language": {**_TEXT, "description": "ISO 639-1; found in the sound if left out"},
        "prompt": _TEXT,
        "response_format": {"enum": [*Shape], "default": "json"},
        "temperature": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
        "timestamp_granularities[]": {"type": "array", "items": {"enum": ["word", "segment"]}},
    }
    form = {"schema": {"type": "object", "required": ["file"], "properties": fields}}
    failed = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "summary": "Write down what is said in a sound file",
        "requestBody": {"required": True, "content": {"multipart/form-data": form}},
        "responses": {
            "200": {"description": "What was heard"},
            "default": {"description": "Why not", "content": failed},
        },
    }


def _speech() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["model", "input", "voice"],
        "properties": {
            "model": _TEXT,
            "input": _TEXT,
            "voice": {
                "oneOf": [_TEXT, {"type": "object", "required": ["id"], "properties": {"id": _TEXT}}],
                "description": "anna, anna@7, anna@base, or another name of [http.voices]",
            },
            "response_format": {"enum": [*Format, *Subtitles], "default": "mp3"},
            "speed": {"type": "number", "minimum": SLOWEST, "maximum": FASTEST, "default": 1.0},
            "stream_format": {"enum": [*Delivery], "default": "audio"},
            "instructions": {**_TEXT, "description": "no engine here follows them: Myna-Ignored says so"},
            "language": {**_TEXT, "description": "ISO 639-1; the voice's own if left out"},
            "seed": {"type": "integer", "minimum": 0},
            "lexicon": {"type": "object", "additionalProperties": _TEXT, "description": "words as they are said"},
            "after": {
                "oneOf": [_TEXT, {"type": "array", "items": _TEXT}],
                "description": f"what becomes of the sound then, in this order: {KNOWN}",
            },
            "timestamps": {"enum": [*Times], "description": "in speech.audio.done, and of srt and vtt"},
        },
    }


def _error() -> dict[str, Any]:
    fields = {name: {"type": ["string", "null"]} for name in ("message", "type", "param", "code")}
    return {"type": "object", "properties": {"error": {"type": "object", "properties": fields}}}


def _get(what: str) -> dict[str, Any]:
    return {"summary": what, "responses": {"200": {"description": what}}}
