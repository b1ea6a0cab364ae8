"""The command line `holdfast`."""

import sys
from importlib import import_module

INTERRUPTED = 130


def main() -> None:
    """Run the command line. What it needs is imported here, so that Ctrl-C ends it quietly from the first moment."""
    try:
        import_module("holdfast.cli.app").main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


__all__ = ["main"]
