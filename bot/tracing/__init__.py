"""Traces of incidents for OpenTelemetry; optional, and nothing is loaded where it is off."""
