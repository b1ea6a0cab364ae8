"""Scenarios as files: facts, dated steps and expectations, played through the real services."""
