"""Periodic tasks of a service: run by a person, from the command line or on schedule; one run at a time."""
