"""What follows from a write: the parts of a cluster that bring objects to what they should be."""
