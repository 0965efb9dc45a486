"""Statuspage: incidents that customers see."""
