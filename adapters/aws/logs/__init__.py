"""CloudWatch Logs: events kept as evidence."""
