"""IAM: access keys."""
