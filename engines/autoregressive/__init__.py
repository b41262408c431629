"""Speaking with any model that says one code after another: drawing codes, texts decoded side by side, guessing ahead,
takes that are judged and said again, sound that goes out while it is made.

A model comes in as a `decode.Decoder` (embeddings, layers, logits) and a `synthesis.Voice` (its vocoder, and what it
sounds like); `engines.xtts` is the one there is. What belongs here knows nothing of mels, tokenizers or files.
"""
