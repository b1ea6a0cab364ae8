"""Alembic's entry point for hold-service's migration tree."""

from holdfast.database.migrations import run_env

run_env()
