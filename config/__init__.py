"""What a system's people decided: models, loader and the systems that come along.

Imports nothing else of ours.  `flows` reads the models, `bot` loads them at start-up.
"""
