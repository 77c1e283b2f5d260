"""Mentions of an address in free text and patterns: text of operators, agents and receivers.

A run describes its purpose in free text, a receiver quotes the recipient in its reply, an allow-list may contain one
person's address. Erasure replaces the address in all of these and leaves the surrounding text. The replacement is an
address that no mail reaches: if a list of patterns lost the entry instead, a run meant for one person would be open to
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
"""Replaces the erased address (RFC 6761: no such domain exists)."""
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
"""Table -> its free-text columns. Each is scanned whole: they are short, and few compared with the messages."""
_ESCAPED: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")


@dataclass(frozen=True, slots=True)
class Mention:
    """One address in the spellings it may have within other text."""

    spellings: tuple[str, ...]
    found: re.Pattern[str]

    @classmethod
    def of(cls, address: Address) -> Mention:
        """Match the address in A-labels and U-labels (RFC 5890), never as the end of a longer address."""
        local, _, domain = address.normalised.rpartition("@")
        spellings = tuple(dict.fromkeys((address.normalised, f"{local}@{_unicode(domain)}")))
        either = "|".join(re.escape(one) for one in spellings)
        return cls(spellings, re.compile(rf"(?<![\w.+-])(?:{either})(?![\w-]|\.\w)", re.IGNORECASE))

    def erased(self, value: Any) -> Any:
        """Return the same text, list or object without the address."""
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
        """Match rows whose columns may contain the address; `erased` checks exactly."""
        texts = [func.lower(cast(column, Text)) for column in columns]
        return or_(*(text.contains(one, autoescape=True) for text in texts for one in self.spellings))


def erase_words(tx: Transaction, mention: Mention) -> int:
    """Remove the address from every free-text column; return the number of rows changed."""
    found = sum(erase_from(tx, mention, one, names) for one, names in WORDS.items())
    # An agent may have asked to read what a mailbox wrote to this address. Held mail is erased with its message.
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
    """Remove the address from these columns, in all rows or those matching `only`; return how many rows changed."""
    keys = list(table.primary_key.columns)
    columns = [table.c[name] for name in names]
    wanted = select(*keys, *columns).where(mention.stands_in(*columns))
    rows = tx.all(wanted if only is None else wanted.where(only))
    return sum(_rewrite(tx, mention, table, row, names) for row in rows)


def named_runs(tx: Transaction, mention: Mention) -> list[int]:
    """Return the runs that name the address: the calls their agents issued repeat it."""
    rows = tx.all(select(RUN.c.id).where(mention.stands_in(*(RUN.c[name] for name in RUN_WORDS))))
    return [row.id for row in rows]


def _rewrite(tx: Transaction, mention: Mention, table: Table, row: Row[Any], names: Collection[str]) -> bool:
    old = {name: getattr(row, name) for name in names}
    new = {name: mention.erased(value) for name, value in old.items()}
    if new == old:
        return False
    if table is RUN and new["key"] != old["key"]:
        new["key"] = f"{new['key']}:{row.id}"  # one agent may have had several runs that differed only in the address
    mine = [column == getattr(row, column.name) for column in table.primary_key.columns]
    tx.write(update(table).where(*mine).values(**new))
    return True


def _forget_webhooks(tx: Transaction, mention: Mention) -> int:
    """Delete webhooks that are not verified yet and name the address; return how many.

    Their signature covers every byte: with the address removed they could never be verified.
    """
    named = [
        row.id
        for row in tx.all(select(KEPT_WEBHOOK.c.id, KEPT_WEBHOOK.c.body))
        if mention.found.search(_readable(row.body))
    ]
    return tx.write(delete(KEPT_WEBHOOK).where(KEPT_WEBHOOK.c.id.in_(named))) if named else 0


def _readable(body: bytes) -> str:
    """Decode a JSON body with its escapes undone, including those of JSON nested in a JSON string."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), bytes(body).decode("utf-8", "replace"))


def _unicode(domain: str) -> str:
    try:
        return domain.encode().decode("idna")
    except UnicodeError:
        return domain
