"""The engine for several replicas: the journal in PostgreSQL, procrastinate to drive it.

Chosen by `flows.opening` where `BACKOUT_DATABASE_URL` is set; needs the extra `postgres`.
"""
