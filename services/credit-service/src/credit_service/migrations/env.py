"""Alembic's entry point for credit-service's migration tree."""

from holdfast.database.migrations import run_env

run_env()
