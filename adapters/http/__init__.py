"""HTTP: checks of endpoints, and what the other HTTP adapters share."""
