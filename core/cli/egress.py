"""An egress process, started by `serve --egress N`: departures alone, until the parent's pipe closes."""

from __future__ import annotations

import sys
from pathlib import Path

import uvloop

from core.gateway import Gateway, deliver
from core.settings import load


def main() -> None:
    """Deliver for the desk in the directory named by the first argument."""
    gateway = Gateway(load(Path(sys.argv[1])))
    uvloop.run(deliver(gateway))


if __name__ == "__main__":
    main()
