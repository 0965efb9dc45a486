"""What people see: Slack, the command line, web endpoints, and the wiring of all parts.

`messages` (with `wording`) holds every sentence, `views` turns a run into Block Kit, `slack`
speaks with Slack, `cli` with the terminal, and `wiring` builds it all from the settings.
"""
