"""The simulated `helm`: real Helm 3's words and exit codes, for the sandbox's cluster only.

Run by `sandbox/bin/helm` with nothing but the standard library, so that it starts as fast as
the real one. The estate shares `records` and `yaml_subset`, so both write the same releases.
"""
