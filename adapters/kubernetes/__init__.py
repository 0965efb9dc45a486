"""Kubernetes: workloads of the pinned namespace of the pinned context.

The `kubernetes` package is loaded by `connections` on the first call (0.6 s, 50 MiB), never at
import; requests and answers are plain JSON, because its generated models cost much and check
little that the API server does not check itself.
"""
