"""Where an address may stand although no column was made for it: words of people, of agents and of receivers.

A run says in free words what it is for, a receiver quotes the recipient in its reply, an allow-list may name one
person. Erasure takes the address out of all of it and leaves the words around it. What it puts in its place is a name
that no mail reaches: where a list of patterns lost an entry instead, a run that was for one person alone would be for
everybody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Table, Text, cast, delete, func, or_, select, update

from core.db.tables import (
    AGENT,
    CONSENT,
    DESK,
    KEPT_WEBHOOK,
    LANE,
    MAILBOX,
    POLICY_VERSION,
    REVIEW,
    RUN,
    SIGNOFF,
    STREAM,
    SUPPRESSION,
    TOKEN,
    WORKER,
)
from core.db.transaction import Transaction
from core.rules.addresses import Address

ERASED: Final = "erased@erased.invalid"
"""Stands where the address stood (RFC 6761: no such domain exists)."""
RUN_WORDS: Final = ("key", "user", "via", "agent_version", "prompt_version", "tools_version", "purpose", "targets")
WORDS: Final[Mapping[Table, tuple[str, ...]]] = {
    RUN: RUN_WORDS,
    TOKEN: ("run_key", "run_user"),
    AGENT: ("suspend_reason",),
    MAILBOX: (
        "allow", "display_name", "purpose", "systems", "users", "standing_reason", "revoke_when",
    ),
    SIGNOFF: ("findings", "reasons", "reason"),
    STREAM: ("last_reply", "pause_reason"),
    LANE: ("last_reply", "pause_reason"),
    WORKER: ("trouble",),
    DESK: ("stop_reason",),
    POLICY_VERSION: ("reason",),
    SUPPRESSION: ("cause", "source", "reason"),
    CONSENT: ("source",),
}  # fmt: skip
"""Table -> its columns of free words, each searched whole: they are short, and few beside the messages."""
_ESCAPED: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")


@dataclass(frozen=True, slots=True)
class Mention:
    """One address as it may be spelled within other words."""

    spellings: tuple[str, ...]
    found: re.Pattern[str]

    @classmethod
    def of(cls, address: Address) -> Mention:
        """The address in A-labels and in U-labels (RFC 5890), as a whole: never the end of a longer one."""
        local, _, domain = address.normalised.rpartition("@")
        spellings = tuple(dict.fromkeys((address.normalised, f"{local}@{_unicode(domain)}")))
        either = "|".join(re.escape(one) for one in spellings)
        return cls(spellings, re.compile(rf"(?<![\w.+-])(?:{either})(?![\w-]|\.\w)", re.IGNORECASE))

    def erased(self, value: Any) -> Any:
        """The same text, list or object without the address."""
        match value:
            case str():
                return self.found.sub(ERASED, value)
            case list():
                return [self.erased(one) for one in value]
            case dict():
                return {self.erased(name): self.erased(one) for name, one in value.items()}
            case _:
                return value

    def stands_in(self, *columns: ColumnElement[Any]) -> ColumnElement[bool]:
        """That the address may stand in one of these; `erased` looks closer."""
        texts = [func.lower(cast(column, Text)) for column in columns]
        return or_(*(text.contains(one, autoescape=True) for text in texts for one in self.spellings))


def erase_words(tx: Transaction, mention: Mention) -> int:
    """Take the address out of every column of free words. Returns how many rows had it."""
    found = sum(erase_from(tx, mention, one, names) for one, names in WORDS.items())
    # An agent may have asked to read what a mailbox wrote to this address; held mail goes with its message.
    asked = ("target", "reasons", "findings", "reason")
    found += erase_from(tx, mention, REVIEW, asked, only=REVIEW.c.message_id.is_(None))
    return found + _forget_webhooks(tx, mention)


def erase_from(
    tx: Transaction,
    mention: Mention,
    table: Table,
    names: Collection[str],
    only: ColumnElement[bool] | None = None,
) -> int:
    """Take the address out of these columns, of all rows or of `only` some. Returns how many rows had it."""
    keys = list(table.primary_key.columns)
    columns = [table.c[name] for name in names]
    wanted = select(*keys, *columns).where(mention.stands_in(*columns))
    rows = tx.all(wanted if only is None else wanted.where(only))
    return sum(_rewrite(tx, mention, table, row, names) for row in rows)


def named_runs(tx: Transaction, mention: Mention) -> list[int]:
    """Runs that name the address: what their agents issued repeats it."""
    rows = tx.all(select(RUN.c.id).where(mention.stands_in(*(RUN.c[name] for name in RUN_WORDS))))
    return [row.id for row in rows]


def _rewrite(tx: Transaction, mention: Mention, table: Table, row: Row[Any], names: Collection[str]) -> bool:
    old = {name: getattr(row, name) for name in names}
    new = {name: mention.erased(value) for name, value in old.items()}
    if new == old:
        return False
    if table is RUN and new["key"] != old["key"]:
        new["key"] = f"{new['key']}:{row.id}"  # one agent may have had several runs that differed in the address alone
    mine = [column == getattr(row, column.name) for column in table.primary_key.columns]
    tx.write(update(table).where(*mine).values(**new))
    return True


def _forget_webhooks(tx: Transaction, mention: Mention) -> int:
    """Drop webhooks that nobody could verify yet and that name the address. Returns how many.

    Their signature is over every byte, so an address taken out of one leaves nothing that could be proved.
    """
    named = [
        row.id
        for row in tx.all(select(KEPT_WEBHOOK.c.id, KEPT_WEBHOOK.c.body))
        if mention.found.search(_readable(row.body))
    ]
    return tx.write(delete(KEPT_WEBHOOK).where(KEPT_WEBHOOK.c.id.in_(named))) if named else 0


def _readable(body: bytes) -> str:
    """A JSON body with its escapes undone, also those of JSON within a string of JSON."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), bytes(body).decode("utf-8", "replace"))


def _unicode(domain: str) -> str:
    try:
        return domain.encode().decode("idna")
    except UnicodeError:
        return domain
