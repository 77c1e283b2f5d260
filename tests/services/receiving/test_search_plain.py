"""A search finds what a plain scan of the same rows finds, in the same order, whatever it asks of the index first."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from core.db.gate_queries import TokenFacts
from core.db.store import Store
from core.db.tables import INBOUND_ADDRESS, INBOUND_MESSAGE, INBOUND_SEARCH
from core.durations import DAY, HOUR, SECOND
from core.ids import lowest
from core.rules.inbound import search_words
from core.services.receiving import inbox, search, search_index
from core.services.receiving.inbox import Caller, Filter
from tests.factories.desk import ALICE, DOMAIN, Bench, add_mailbox, make_desk

pytestmark = pytest.mark.both_databases

BEGUN: Final = 1_750_000_000 * SECOND
GAPS: Final = (0, 1_000, SECOND, 90 * SECOND, HOUR, DAY, 40 * DAY)
"""Times between two messages, so that every length of window has one message, none or many."""
WORDS: Final = ("left", "right", "spring", "sprout", "sun", "snow", "jane", "only")
AUTHORS: Final = ("jane@example.com", "joe@mail.example.com", "o'neil+x_y@example.org")
Row = Mapping[str, Any]


@pytest.fixture
def desk(store: Store) -> Bench:
    return make_desk(store)


def stored(desk: Bench, chance: random.Random, n: int) -> list[Row]:
    """Messages in two mailboxes, oldest first: words that only old mail has, or that never stand together, and some."""
    _, other = desk.store.transact(
        lambda tx: add_mailbox(tx, agent="sales-bot", address=f"sales@{DOMAIN}", stream=desk.stream_id)
    )
    at = BEGUN
    rows: list[Row] = []
    for number in range(n):
        at += chance.choice(GAPS[: 4 + number % 4])
        side = chance.choice(("left", "right", "left right" if chance.random() < 0.02 else "snow"))
        old = "spring" if number < n // 2 else "sun"
        text = " ".join((side, old, *chance.choices(WORDS[3:7], k=3), *(("only",) if number == n // 3 else ())))
        author = chance.choice(AUTHORS)
        mailbox = desk.mailbox_id if chance.random() < 0.8 else other
        words = search_words.of_message("a subject", f"Jane {author.title()}", text)
        rows.append(
            {
                "id": lowest(at) + number, "mailbox": mailbox, "at": at, "author": author, "said": f" {words} ",
                "status": "held" if chance.random() < 0.1 else "delivered", "unread": chance.random() < 0.2,
                "tags": chance.choice(([], [], ["billing"], ["billing", "odd"])), "files": int(chance.random() < 0.2),
                "words": search_words.for_mailbox(mailbox, words),
            }
        )  # fmt: skip
    write(desk, rows)
    return rows


def write(desk: Bench, rows: Sequence[Row]) -> None:
    with desk.store.begin() as tx:
        tx.conn.execute(INBOUND_MESSAGE.insert(), [message(row) for row in rows])
        tx.conn.execute(INBOUND_SEARCH.insert(), [{"id": row["id"], "words": row["words"]} for row in rows])
        named = [{"inbound_id": row["id"], "n": 0, "role": "from", "address": row["author"]} for row in rows]
        tx.conn.execute(INBOUND_ADDRESS.insert(), [one | {"given": one["address"].title()} for one in named])


def message(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"], "content_id": row["id"], "mailbox_id": row["mailbox"], "agent_id": 1, "stream_id": 1,
        "source": "lmtp", "dedupe_key": str(row["id"]), "size": 1, "subject": "a subject", "thread": row["id"],
        "received_at": row["at"], "status": row["status"], "read_at": None if row["unread"] else row["at"],
        "tags": row["tags"], "attachments": row["files"],
    }  # fmt: skip


def scanned(rows: Sequence[Row], wanted: Filter, *, mailbox: int, agent: bool) -> list[int]:
    """What the filter means, message by message, newest first."""
    terms = search_words.terms(wanted.q or "")
    author = wanted.author or ""

    def has(row: Row) -> bool:
        return (
            row["mailbox"] == mailbox
            and (not agent or row["status"] == "delivered")
            and all(term.spelled in row["said"] for term in terms)
            and wanted.unread in (None, row["unread"])
            and (wanted.tag is None or wanted.tag in row["tags"])
            and (not author or row["author"] == author or row["author"].endswith(f"@{author}"))
            and (wanted.after is None or row["at"] > wanted.after)
            and (wanted.before is None or row["at"] < wanted.before)
            and wanted.has_attachments in (None, row["files"] > 0)
        )

    return sorted((row["id"] for row in rows if has(row)), reverse=True)


def paged(desk: Bench, wanted: Filter, *, caller: Caller, limit: int) -> tuple[list[int], int]:
    """What all pages together have, and how many were short although another followed."""
    found: list[int] = []
    cut, cursor = 0, None
    with desk.store.read() as conn:
        while True:
            page, following = inbox.page(conn, desk.mailbox_id, wanted, caller=caller, cursor=cursor, limit=limit)
            assert len(page) <= limit
            found += [one.row.id for one in page]
            if following is None:
                return found, cut
            assert cursor is None or following < cursor
            cut, cursor = cut + (len(page) < limit), following


ASKED: Final = (
    "", "left", "spring", "sun", "left right", "left right spring", "spring sun", "only", "only left", "absent",
    "absent left", "s*", "spr* left", "sp* absent", "j*", "spr* s*", "su* only",
    '"a subject"', '"subject a"', '"left spring"',
    '"right su*"', '"a subject" "left snow"', "a subject jane", "sprout snow sun",
)  # fmt: skip
AGENT: Final = TokenFacts(1, 1, "bench", ("read",), False, None, None, 2**62, None, "bench", False)


def filters(rows: Sequence[Row]) -> list[dict[str, Any]]:
    third, half = rows[len(rows) // 3]["at"], rows[len(rows) // 2]["at"]
    return [
        {}, {}, {"unread": True}, {"unread": False}, {"tag": "odd"}, {"tag": "none"}, {"author": AUTHORS[0]},
        {"author": AUTHORS[2]}, {"author": "example.com"}, {"author": "nobody@example.com"}, {"after": half},
        {"before": third}, {"after": third, "before": half}, {"has_attachments": True},
        {"unread": True, "tag": "billing", "author": AUTHORS[1]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("most", "first", "chunk", "looked"),
    [
        (1_000, 500, 2_048, 4_000),
        (3, 2, 3, 12),
        *(pytest.param(*one, marks=pytest.mark.thorough) for one in ((3, 2, 3, 4), (2, 10, 7, 2), (20, 40, 50, 30))),
    ],
)
def test_a_search_finds_what_a_plain_scan_finds(
    desk: Bench, monkeypatch: pytest.MonkeyPatch, most: int, first: int, chunk: int, looked: int
) -> None:
    """Questions with filters, for an agent and for a person, however little one step or request of it may look at."""
    bounds = {"MOST": most, "FIRST": first, "BATCH": most}
    for name, value in bounds.items():
        monkeypatch.setattr(search_index, name, value)
    of_request = {"MOST_LOOKED": looked, "MOST_SCANNED": (looked + 1) // 2, "MOST_ASKED": 1 + most % 4}
    for name, value in ({"CHUNK": chunk, "LARGEST_CHUNK": chunk} | of_request).items():
        monkeypatch.setattr(search, name, value)
    chance = random.Random(most)
    rows = stored(desk, chance, 120)
    some = short = 0
    for q, more in itertools.chain.from_iterable(
        ((q, more) for more in chance.sample(filters(rows), 3)) for q in ASKED
    ):
        wanted = Filter(q=q, **more)
        caller = chance.choice((AGENT, ALICE))
        expected = scanned(rows, wanted, mailbox=desk.mailbox_id, agent=caller is AGENT)
        found, cut = paged(desk, wanted, caller=caller, limit=chance.choice((20, 50, 500)))
        assert found == expected, (wanted, caller)
        some, short = some + bool(expected), short + cut
    assert some > 20  # questions that have an answer
    assert (short > 20) == (looked < 100)


def test_what_nearly_no_mail_is_takes_no_look_at_the_rest(desk: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unread, tagged, attached: indexes know it. What none knows is answered in parts, and the first may be empty."""
    monkeypatch.setattr(search, "MOST_LOOKED", 8)
    monkeypatch.setattr(search, "MOST_SCANNED", 4)
    rows: list[Row] = []
    for number in range(60):
        at = BEGUN + number * HOUR
        words = search_words.for_mailbox(desk.mailbox_id, search_words.of_message("a subject", "Jane", "left right"))
        marks = {"unread": number == 3, "tags": ["odd"] if number == 8 else [], "files": int(number == 1)}
        mail = {"mailbox": desk.mailbox_id, "at": at, "author": AUTHORS[0], "status": "delivered", "words": words}
        rows.append({"id": lowest(at) + 1} | mail | marks)
    write(desk, rows)

    def first(**wanted: Any) -> tuple[list[int], int | None]:
        with desk.store.read() as conn:
            page, following = inbox.page(conn, desk.mailbox_id, Filter(**wanted), caller=AGENT, cursor=None, limit=1)
        return [one.row.id for one in page], following

    for q in ("", "subject", "sub*"):
        assert first(q=q, unread=True) == ([rows[3]["id"]], None)
        assert first(q=q, tag="odd") == ([rows[8]["id"]], None)
        assert first(q=q, has_attachments=True) == ([rows[1]["id"]], None)
        assert first(q=q, unread=True, tag="odd") == ([], None)
    assert first(author="nobody.example") == ([], rows[51]["id"] + 1)
    assert first(author="nobody.example", q="subject") == ([], None)  # the index knows: none has these words as well
