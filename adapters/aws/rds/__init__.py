"""RDS: restore points, snapshots and restores, which always make a new instance."""
