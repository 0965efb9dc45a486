"""The data of AIVO's estate: a real PostgreSQL and a real Redis, and services that write for real.

Nothing here is simulated but the services: where the programs can't run, the parts say so and the
panel shows why.
"""
