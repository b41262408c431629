"""What happens when there is nothing left to do (docs/idle.md): the machine goes off, or to sleep, or a command runs.

`decision.py` decides, values in and value out; `activity.py` knows who asks mynad for something; `users.py` who is
logged in; `waiting.py` looks from time to time, announces it, and does it. Settings: `daemon/idle_settings.py`.
"""
