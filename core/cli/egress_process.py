"""An egress process, started by `serve --egress N`: it only delivers, until the parent's pipe closes."""

from __future__ import annotations

import sys
from pathlib import Path

import uvloop

from core.process import Delivery, deliver
from core.process_log import log_as_child
from core.settings import load


def main() -> None:
    """Deliver for the desk in the directory given as the first argument."""
    log_as_child(Path(sys.argv[1]), process="egress")
    uvloop.run(deliver(Delivery(load(Path(sys.argv[1])))))


if __name__ == "__main__":
    main()
