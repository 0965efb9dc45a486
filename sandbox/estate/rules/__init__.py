"""What the API server checks and fills in, kind by kind."""
