"""Redis: whether a cache answers, and emptying it of what must not be served any more."""
