"""S3: objects brought back, with what they replace kept."""
