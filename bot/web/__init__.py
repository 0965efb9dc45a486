"""What other services may send to Backout over HTTP."""
