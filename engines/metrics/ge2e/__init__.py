"""Resemblyzer's speaker embedder (GE2E, arXiv 1710.10467), worked out by ONNX Runtime: its weights from its wheel, its
answers to 1e-5, without torch and librosa, which would take a worker 400 MB and three seconds."""
