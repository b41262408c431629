"""OpenVoice V2's tone colour converter (arXiv 2312.01479): speech comes out with another voice's timbre, its words,
intonation and times kept. On coqui-tts's model class and the publisher's file format.

What belongs here: the base's files (`weights`), the modules filled from them (`network`), how a voice sounds
(`model`), and the stream that sound goes through (`conversion`). `info` and `weights` import nothing heavy, since the
daemon asks them; everything else is for workers.
"""
