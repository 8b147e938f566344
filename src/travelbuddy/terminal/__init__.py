"""The command line's face: talk to a running service, by HTTP alone."""
