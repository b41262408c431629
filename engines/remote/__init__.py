"""Engines that are elsewhere: providers of speech that are asked over the network, and only speak. Nothing is sent but
where the owner switched one on, since what a person wants said leaves the machine.

Light, for the daemon: `providers.py` (what is known of each), `key.py` (the file of its key), `pieces.py` (what is sent
at a time, and what was spoken before). In a worker: `speech.py` (the engine, the same for all), `openai.py`,
`elevenlabs.py`, `azure.py` (a request, as each wants it), `transfer.py` (HTTP, tried again), `trouble.py` (refusals as
values), `cache.py` (what was spoken before)."""
