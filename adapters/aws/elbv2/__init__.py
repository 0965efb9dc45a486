"""Elastic Load Balancing: health of targets, maintenance answers, shares of traffic."""
