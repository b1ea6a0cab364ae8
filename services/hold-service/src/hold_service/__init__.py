"""Holdfast hold-service."""
