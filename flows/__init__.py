"""What a rollback is: the pure core, and the engine that drives it durably.

The core (`states`, `events`, `commands`, `table`, `plans`, `gates`, `runs`, `decisions`,
`replay`) decides and does no I/O.  The shell (`engine`, `journal`, `performing`, `planning`)
acts.  Imports `config` and nothing else of ours.
"""
