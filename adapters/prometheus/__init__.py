"""Prometheus: instant queries."""
