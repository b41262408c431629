"""Messages as plain JSON for scripts: names as in the .proto, whole numbers as numbers, times as ISO 8601, enums by
their lower-case name.

(protobuf's own JSON writes 64-bit numbers as strings, so that `jq '.id + 1'` fails.)
"""

from __future__ import annotations

import json
import math
from datetime import UTC
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp


def plain(message: Message) -> Any:
    """The message as dicts, lists, numbers, strings. Unset optional fields and sub-messages are left out; a oneof shows
    the one set."""
    if isinstance(message, Timestamp):
        return message.ToDatetime(tzinfo=UTC).isoformat().replace("+00:00", "Z")
    result: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        if field.has_presence and not message.HasField(field.name):
            continue
        value = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            of = field.message_type.fields_by_name["value"]
            result[field.name] = {str(key): _value(of, value[key]) for key in sorted(value)}
        elif field.is_repeated:
            result[field.name] = [_value(field, item) for item in value]
        else:
            result[field.name] = _value(field, value)
    return result


def line(value: Any) -> str:
    """One line of JSON."""
    return json.dumps(plain(value) if isinstance(value, Message) else value, ensure_ascii=False)


def pretty(value: Any) -> str:
    """JSON for files and people."""
    return json.dumps(plain(value) if isinstance(value, Message) else value, ensure_ascii=False, indent=2)


def _value(field: Any, value: Any) -> Any:  # a FieldDescriptor, of protobuf's Python or C implementation
    if field.enum_type is not None:
        named = field.enum_type.values_by_number.get(value)
        return named.name.lower() if named else value
    if isinstance(value, Message):
        return plain(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON knows no NaN
    return value
