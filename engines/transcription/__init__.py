"""Hearing words: one small protocol, Whisper where its weights are, PocketSphinx for English everywhere."""
