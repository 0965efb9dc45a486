"""What the API server knows about JSON objects: their types, patches, and who owns which field."""
