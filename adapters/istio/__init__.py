"""Istio: the weights of routes, on the cluster and in the namespace that `kubernetes` is pinned to.

VirtualServices are read and patched as plain JSON through `adapters.kubernetes`.
"""
