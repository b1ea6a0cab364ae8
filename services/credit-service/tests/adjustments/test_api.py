"""Adjustment journals from draft to posting (spec 1.12, 1.17, 2.11; rows 113 to 127)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit_service.adjustments.model import generated
from decimal import Decimal

from services.conftest import *  # noqa: F403
