"""From a recording to clips: find the speech, cut at pauses, give every piece its words and its verdict."""
