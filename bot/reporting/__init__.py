"""What is left after a run, for people: the post-mortem as a document, and as a picture."""
