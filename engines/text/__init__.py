"""Text before any engine reads it: sentences, how long they take to read aloud, and what an engine cannot say. Imports
nothing heavy."""
