"""LaunchDarkly: feature flags of one environment of one project."""
