"""Holdfast credit-service."""
