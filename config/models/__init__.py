"""The shapes of the YAML files.  Imported as modules: `from config.models import procedures`."""
