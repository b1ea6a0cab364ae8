"""A company's year, drawn from a seed: the same seed gives the same events, byte for byte."""

from holdfast.erp.generator.plan import Plan
from holdfast.erp.generator.year import generate

__all__ = ["Plan", "generate"]
