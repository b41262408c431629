"""The inbox: people's folders, from a file that is still being copied to the job that takes it.

Belongs here: names, settling, transcripts, voice.toml, refusals. Does not: sound, which workers decode
(`daemon.kinds.ingest.worker`). Every read and write in people's folders goes through `folder.InboxFolder`, which
follows no link.
"""
