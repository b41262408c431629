"""Doors: other programs' ways to Myna's voices. A process of its own that speaks OpenAI's speech API (`http`) and Home
Assistant's Wyoming (`wyoming`) to them, and nothing but gRPC to mynad. torch and numpy never enter it.

mynad starts it where `myna.toml` asks for a door; `myna serve` does by hand.
"""
