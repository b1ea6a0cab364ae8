"""IBM's sample of late payment histories. It is not ours to ship: it is looked for beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[5] / "shared" / "data" / "ibm-late-payment-histories.csv"
FILE = Path(os.environ.get("PAYMENT_HISTORIES") or BESIDE)
"""Where the file is, or would be."""
needs_histories = pytest.mark.skipif(
    not FILE.is_file(), reason=f"{FILE} is not there; PAYMENT_HISTORIES may name another place"
)
