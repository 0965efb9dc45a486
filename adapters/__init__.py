"""What touches the world: actions, one folder a provider.

Implements the contract of `flows.actions`.  Vendor SDKs are imported inside the functions that
need them, so that start-up does not pay for what a system does not use.
"""
