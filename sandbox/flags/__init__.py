"""LaunchDarkly on loopback: feature flags that really go off, and one feature that is faulty.

The estate's part `Flags` is what `sandbox` starts; tests of adapters use `launchdarkly` alone.
"""

from sandbox.flags.part import Flags

__all__ = ["Flags"]
