"""Mentions of an address in free text and patterns: text of operators, agents and receivers.

A run describes its purpose in free text, a receiver quotes the recipient in its reply, an allow-list may contain one
person's address. Erasure replaces the address in all of these and leaves the surrounding text. The replacement is an
address that no mail reaches: if a list of patterns lost the entry instead, a run meant for one person would be open to
everybody.

No index finds text within text. `find` therefore looks for it on read connections, and `erase_page` rewrites what it
found: other writers wait for the rows of one page, never for a scan.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Table, Text, cast, delete, func, or_, select, update

from core.db.tables import (
    ACKNOWLEDGEMENT,
    AGENT,
    CONSENT,
    DESK,
    KEPT_WEBHOOK,
    LANE,
    MAILBOX,
    MAILBOX_CONTACT,
    NOTE,
    OPERATION_ANSWER,
    POLICY_VERSION,
    REVIEW,
    RUN,
    SIGNOFF,
    STREAM,
    SUPPRESSION,
    TOKEN,
    WIDENING,
    WIDENING_SIGNOFF,
    WORKER,
)
from core.db.transaction import Transaction
from core.model import RUN_MEMBERS
from core.rules.addresses import Address

ERASED: Final = "erased@erased.invalid"
"""Replaces the erased address (RFC 6761: no such domain exists)."""
WORDS: Final[Mapping[Table, tuple[str, ...]]] = {
    RUN: ("key", *RUN_MEMBERS),
    TOKEN: ("run_key", "run_user"),
    AGENT: ("suspend_reason",),
    OPERATION_ANSWER: ("answer",),
    MAILBOX: (
        "allow", "display_name", "purpose", "systems", "users", "standing_reason", "revoke_when",
    ),
    MAILBOX_CONTACT: ("name", "tags", "notes"),
    SIGNOFF: ("findings", "reasons", "reason"),
    WIDENING: ("reason", "allow"),
    WIDENING_SIGNOFF: ("findings", "reasons", "reason"),
    STREAM: ("last_reply", "pause_reason"),
    LANE: ("last_reply", "pause_reason"),
    WORKER: ("trouble",),
    DESK: ("stop_reason",),
    POLICY_VERSION: ("reason",),
    SUPPRESSION: ("cause", "source", "reason"),
    NOTE: ("text", "incident"),
    ACKNOWLEDGEMENT: ("reason",),
    CONSENT: ("source",),
    # An agent may have asked to read what a mailbox wrote to this address. Held mail is erased with its message.
    REVIEW: ("target", "reasons", "findings", "reason"),
}  # fmt: skip
"""Table -> its free-text columns. Each is scanned whole: they are short, and few compared with the messages."""
PART: Final[Mapping[Table, ColumnElement[bool]]] = {REVIEW: REVIEW.c.message_id.is_(None)}
"""Table -> the rows that are scanned, if not all."""
RUN_KEYS: Final[Mapping[Table, str]] = {RUN: "key", TOKEN: "run_key"}
"""Table -> the column that names a run of `agent_id`. A token is bound to its run by this name."""
PAGE_SIZE: Final = 200
"""Rows that one page finds and one transaction rewrites."""
WEBHOOK_PAGE_SIZE: Final = 20
"""Webhooks in memory at a time: each has up to 320 KiB."""
_UNSURE: Final = re.compile(r'(?:[^\x21-\x7e]|["\\%iks])+')
"""What SQL may not find although `Mention.found` matches it.

`lower()` leaves letters beyond ASCII as they are, on SQLite and in PostgreSQL's C locale. JSON escapes quotes. In
Python's Unicode case folding the letters i, k and s have relatives beyond ASCII (U+0130, U+212A, U+017F).
"""
_ESCAPABLE: Final = re.compile(r'(["/])')
"""Characters before which JSON has or may have a backslash, several if it is nested."""
_ESCAPED: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")


@dataclass(frozen=True, slots=True)
class Mention:
    """One address in the spellings it may have within other text."""

    spellings: tuple[str, ...]
    found: re.Pattern[str]

    @classmethod
    def of(cls, address: Address) -> Mention:
        """Match the address in A-labels and U-labels (RFC 5890), never as the end of a longer address.

        A quoted local part is matched without its quotes too, as carriers issue it, and with quotes escaped for JSON.
        """
        local, _, domain = address.normalised.rpartition("@")
        locals_ = dict.fromkeys((local, local.strip('"')))
        domains = dict.fromkeys((domain, _unicode(domain)))
        spellings = tuple(f"{one}@{other}" for one in locals_ for other in domains)
        either = "|".join(_ESCAPABLE.sub(r"\\\\*\1", re.escape(one)) for one in spellings)
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
        """Match every row whose columns contain the address, and a few others; `erased` decides exactly."""
        texts = [func.lower(cast(column, Text)) for column in columns]
        patterns = dict.fromkeys(f"%{_UNSURE.sub('%', one)}%" for one in self.spellings)
        return or_(*(text.like(pattern) for text in texts for pattern in patterns))


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one table that name the address, by their primary keys."""

    table: Table
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search goes on: in a table, after this row."""

    table: Table
    after: int = -1


SEARCHED: Final = (*WORDS, KEPT_WEBHOOK)
"""The tables in the order of the search."""
FIRST: Final = Place(SEARCHED[0])


def find(conn: Connection, mention: Mention, at: Place) -> tuple[Page | None, Place | None]:
    """Find the rows of one read that name the address, and where the search goes on; None at its end."""
    more, found, last = (_webhooks if at.table is KEPT_WEBHOOK else _rows)(conn, mention, at)
    page = Page(at.table, found) if found else None
    if last is not None and more:
        return page, Place(at.table, last)
    following = SEARCHED[SEARCHED.index(at.table) + 1 :]
    return page, Place(following[0]) if following else None


def erase_page(tx: Transaction, mention: Mention, page: Page) -> int:
    """Remove the address from the rows of a page as they are now; return how many changed.

    Webhooks are deleted. They are not verified yet, and their signature covers every byte: with the address removed
    they could never be.
    """
    if page.table is KEPT_WEBHOOK:
        return tx.write(delete(KEPT_WEBHOOK).where(KEPT_WEBHOOK.c.id.in_(page.ids)))
    return erase_from(tx, mention, page.table, WORDS[page.table], only=_key(page.table).in_(page.ids))


def erase_from(
    tx: Transaction, mention: Mention, table: Table, names: Collection[str], *, only: ColumnElement[bool]
) -> int:
    """Remove the address from these columns of the rows matching `only`; return how many rows changed."""
    listed = [*names, "agent_id"] if table in RUN_KEYS else names
    query = select(_key(table).label("row_id"), *(table.c[name] for name in listed))
    rows = tx.all(query.where(only, mention.stands_in(*(table.c[name] for name in names))))
    return sum(_rewrite(tx, mention, table, row, names) for row in rows)


def _rows(conn: Connection, mention: Mention, at: Place) -> tuple[bool, tuple[int, ...], int | None]:
    """Whether there may be more rows, those that name the address, and the last one read."""
    key, columns = _key(at.table), [at.table.c[name] for name in WORDS[at.table]]
    query = select(key.label("row_id"), *columns).where(mention.stands_in(*columns), key > at.after)
    if at.table in PART:
        query = query.where(PART[at.table])
    rows = conn.execute(query.order_by(key).limit(PAGE_SIZE)).all()
    found = tuple(row.row_id for row in rows if any(mention.erased(value) != value for value in row[1:]))
    return len(rows) == PAGE_SIZE, found, rows[-1].row_id if rows else None


def _webhooks(conn: Connection, mention: Mention, at: Place) -> tuple[bool, tuple[int, ...], int | None]:
    k = KEPT_WEBHOOK.c
    rows = conn.execute(select(k.id, k.body).where(k.id > at.after).order_by(k.id).limit(WEBHOOK_PAGE_SIZE)).all()
    found = tuple(row.id for row in rows if mention.found.search(_readable(row.body)))
    return len(rows) == WEBHOOK_PAGE_SIZE, found, rows[-1].id if rows else None


def _key(table: Table) -> ColumnElement[int]:
    """The one column of the primary key."""
    (key,) = table.primary_key.columns
    return key


def _rewrite(tx: Transaction, mention: Mention, table: Table, row: Row[Any], names: Collection[str]) -> bool:
    old = {name: getattr(row, name) for name in names}
    new = {name: mention.erased(value) for name, value in old.items()}
    if new == old:
        return False
    name = RUN_KEYS.get(table)
    if name is not None and new.pop(name) != old[name]:
        _rename_run(tx, mention, agent_id=row.agent_id, key=old[name])
    if new:
        tx.write(update(table).where(_key(table) == row.row_id).values(**new))
    return True


def _rename_run(tx: Transaction, mention: Mention, *, agent_id: int, key: str) -> None:
    """Remove the address from a run's key, in the run and in the tokens bound to it.

    A token that still had the old key would open a fresh run: without targets, with nothing accepted, and open although
    its own was closed. The new key ends with an id, for one agent may have had several runs that differed only in the
    address. Without effect if the run of another row has been renamed already.
    """
    r, t = RUN.c, TOKEN.c
    run = tx.one(select(r.id).where(r.agent_id == agent_id, r.key == key))
    named = run or tx.one(select(t.id).where(t.agent_id == agent_id, t.run_key == key).order_by(t.id).limit(1))
    if named is None:
        return
    new = f"{mention.erased(key)}:{'' if run else 'token-'}{named.id}"
    while tx.one(select(r.id).where(r.agent_id == agent_id, r.key == new)) is not None:  # agents choose their keys
        new += "+"
    tx.write(update(RUN).where(r.agent_id == agent_id, r.key == key).values(key=new))
    tx.write(update(TOKEN).where(t.agent_id == agent_id, t.run_key == key).values(run_key=new))


def _readable(body: bytes) -> str:
    """Decode a JSON body with its escapes undone, including those of JSON nested in a JSON string."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), bytes(body).decode("utf-8", "replace"))


def _unicode(domain: str) -> str:
    try:
        return domain.encode().decode("idna")
    except UnicodeError:
        return domain
