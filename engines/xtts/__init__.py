"""XTTS-v2: a GPT over the codes of a discrete VAE, in 17 languages, on coqui-tts's model classes, tokenizer and file
format.

What belongs here: the base's files (`weights`), loading and the voice's own weights (`model`, `lora`), what a clip
becomes for training (`features`), the forward pass (`training`), speaking, and the export that stock coqui-tts loads.
`info` and `weights` import nothing heavy, since the daemon asks them; everything else is for workers. Jobs, queues and
the database are none of this package's business.
"""
