"""AWS: load balancers, keys, databases, objects, logs."""
