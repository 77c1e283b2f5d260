"""One registry of what operators can do and read: each operation once, for every way in.

An operation has a name (`agent.suspend`), its request and answer, the permissions that let a request in, and the
service function behind it. HTTP (`POST /v1/NAME`), the clients of `core.desk_client`, the table in docs and the matrix
test of roles and tokens are made from here.

    operation.py   what an operation is; `admit` checks the caller in the transaction that acts or reads
    execution.py   runs an operation: prepare, act or read, log what was shown
    local_desk.py  the interface of `core.desk_client` over the database, for the host alone
    bodies.py      requests that several operations share; answers.py has all answers
    the others     the operations, one file for each family of nouns

Services decide, as for every way in: they check the exact permission again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.errors import NotFound
from core.operations import agents, desk, mailboxes, messages, people, recipients, streams, webhooks
from core.operations.operation import Kind, Operation

__all__ = ["OPERATIONS", "Kind", "Operation", "named"]

OPERATIONS: Final[Mapping[str, Operation]] = {
    one.name: one
    for module in (desk, messages, agents, mailboxes, streams, recipients, people, webhooks)
    for one in module.OPERATIONS
}


def named(name: str) -> Operation:
    """Raises `NotFound`."""
    found = OPERATIONS.get(name)
    if found is None:
        raise NotFound(f"there is no operation {name[:60]!r}", fix="/openapi.json lists them")
    return found
