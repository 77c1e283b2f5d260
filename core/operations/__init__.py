"""One registry of what operators can do and read, for HTTP, the command line and the console.

An operation has a name (`agent.suspend`), a request and an answer, the permissions of which a caller needs one, and the
service function behind it. HTTP (`POST /v1/NAME`), the clients of `core.desk_client`, the table in docs and the matrix
test of roles and tokens are generated from it.

    operation.py   what an operation is; `admit` checks the caller in the transaction that acts or reads
    execution.py   runs an operation: prepare, act or read, log what was shown
    local_desk.py  the interface of `core.desk_client` over the database, for the host alone
    registry.py    all operations; a command that needs one imports only its nouns (`named`)
    bodies.py      requests that several operations share; answers.py: the bases of what they answer
    screens/       what only the console reads
    the others     the operations, one file for each family of nouns, with their requests and answers

The services check the exact permission again.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from core.errors import NotFound

if TYPE_CHECKING:
    from core.operations.operation import Operation

MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "desk": ("desk",),
    "log": ("event", "trace"),
    "gateway_logs": ("gateway",),
    "messages": ("queue", "message", "lane"),
    "short_ids": ("message",),
    "history": ("history",),
    "teamwork": ("message", "note", "attention", "handover"),
    "runbook": ("attention",),
    "groups": ("queue",),
    "undoable": ("queue",),
    "filtering": ("filter",),
    "agents": ("agent", "run"),
    "tokens": ("token",),
    "drills": ("drill",),
    "mailboxes": ("mailbox", "inventory"),
    "mailbox_records": ("mailbox",),
    "mailbox_webhooks": ("mailbox",),
    "streams": ("stream",),
    "inbox": ("inbox", "contact"),
    "recipients": ("suppression", "consent", "recipient"),
    "people": ("operator",),
    "webhooks": ("webhook",),
    "notifications": ("notify",),
    "policy": ("policy",),
    "audit": ("audit",),
    "screens": ("screen",),
}
"""The modules of this package that declare operations, and the nouns of each."""


def named(name: str) -> Operation:
    """Return an operation; imports the module of its noun alone. Raises `NotFound`."""
    noun = name.partition(".")[0]
    for module, nouns in MODULES.items():
        if noun in nouns:
            for one in declared(module):
                if one.name == name:
                    return one
    raise NotFound(f"there is no operation {name[:60]!r}", fix="/openapi.json lists them")


def declared(module: str) -> tuple[Operation, ...]:
    """The operations that a module of this package declares."""
    found: tuple[Operation, ...] = importlib.import_module(f"core.operations.{module}").OPERATIONS
    return found
