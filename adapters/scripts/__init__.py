"""Scripts: programs that a system allows by their hash, run without a shell."""
