"""openaudio-s1-mini (S1 generation of Fish Speech): a transformer that says ten codes a frame, over a neural codec.

The model classes are those of `fish-speech==0.1.0` (Apache-2.0); its training forward is broken, so the loop, the
forward for training, the files and the way of decoding are ours (`training.py`, `decode.py`, `codec_stream.py`).
"""
