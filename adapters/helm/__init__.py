"""Helm: histories and rollbacks of releases, through the `helm` command."""
