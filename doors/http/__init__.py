"""The HTTP door: OpenAI's speech API."""
