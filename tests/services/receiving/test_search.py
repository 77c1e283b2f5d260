"""A search finds the same messages on SQLite and PostgreSQL, whatever the language and however hostile the query."""

from __future__ import annotations

from typing import Final

import pytest
from sqlalchemy import select, text

from core.db.store import Store
from core.db.tables import INBOUND_MESSAGE, INBOUND_SEARCH
from core.demo.clock import FakeClock
from core.durations import DAY
from core.errors import Invalid
from core.rules import signed_ids
from core.rules.inbound import search_words
from core.services.control import received_retention
from core.services.receiving import inbox, search
from core.services.receiving.inbox import Filter
from tests.factories.desk import ALICE, DOMAIN, KEYRING, Bench, add_mailbox, make_desk
from tests.factories.erasure import erase
from tests.factories.inbound import JANE, arrive, mail

pytestmark = pytest.mark.both_databases

CORPUS: Final = {
    "en": ("Refund for order 4711", "Where is my refund? The café on Main-Street has not paid, it's late."),
    "de": ("Größe und Straße", "Die Überweisung über 100 Euro ist nicht angekommen."),
    "tr": ("İstanbul", "Sipariş soğuk geldi"),
    "ru": ("Ваш заказ", "Счёт за ёлку не оплачен"),
    "el": ("Παραγγελία", "επιστροφή χρημάτων άργησε"),
    "ar": ("الفاتورة", "أين استرداد أموالي"),
    "he": ("חשבונית", "איפה ההחזר שלי"),
    "hi": ("चालान", "मेरा पैसा कहाँ है"),
    "th": ("ใบแจ้งหนี้", "เงินคืนของฉันอยู่ที่ไหน"),
    "ja": ("請求書", "東京都の返金はどこですか。カタカナ ﾊﾝｶｸ"),
    "zh": ("发票", "我的退款在哪里?北京大学"),
    "ko": ("청구서", "환불은 어디에 있나요"),
    "odd": ("1e5 v2.0 a@b.example", "foo_bar 3.14 C++ x\u200by \U0001f600 naïve ½ ﬁne"),
}  # fmt: skip
FOUND: Final = {
    "refund": ["en"], "REFUND order": ["en"], "refund straße": [], "cafe": ["en"], "café": ["en"], "ref*": ["en"],
    "efund": [], '"is my refund"': ["en"], '"my is refund"': [], "main-street": ["en"], "main street": ["en"],
    "strasse": ["de"], "grosse": ["de"], "uber": ["de"], "überweis*": ["de"], "istanbul": ["tr"], "siparis": ["tr"],
    "СЧЕТ": ["ru"], "елку": ["ru"], "αργησε": ["el"], "استرداد": ["ar"], "ההחזר": ["he"], "पैसा": ["hi"],
    "เงินคืน": ["th"], "返金": ["ja"], "東京": ["ja"], "京都": ["ja"], "東京都": ["ja"], "京東": [], "都": ["ja"],
    "ハンカク": ["ja"], "北京": ["zh"], "北京大学": ["zh"], "北大": [], "退": ["zh"], "환불": ["ko"], "1e5": ["odd"],
    "a@b.example": ["odd"], "b.example": ["odd"], "3.14": ["odd"], "14.3": [], "foo": ["odd"], "fine": ["odd"],
    "jane": list(CORPUS), "jane@example.com": list(CORPUS), "4711 where": ["en"], '"4711 where"': [],
    "100 euro": ["de"], "1": ["odd"],
}  # fmt: skip


@pytest.fixture
def desk(store: Store) -> Bench:
    bench = make_desk(store)
    for name, (subject, words) in CORPUS.items():
        head = "Content-Type: text/plain; charset=utf-8\n"
        arrive(bench, mail(words, subject=subject, message_id=f"<{name}@x>", more=head), sender=JANE)
    return bench


def found(desk: Bench, q: str, **more: object) -> list[str]:
    wanted = Filter(q=q, **more)  # type: ignore[arg-type]  # a test's own
    with desk.store.read() as conn:
        rows, _ = inbox.page(conn, desk.mailbox_id, wanted, caller=ALICE, cursor=None)
    return [str(one.row.rfc_message_id).strip("<>").removesuffix("@x") for one in reversed(rows)]


@pytest.mark.parametrize(
    ("chunk", "most", "common"), [(128, 8_000, 0.02), (2, 4, 0.02), (2, 4, 1.0), (1, 1, 0.0), (3, 0, 0.02)]
)
def test_each_query_finds_its_messages_in_every_language(
    desk: Bench, monkeypatch: pytest.MonkeyPatch, chunk: int, most: int, common: float
) -> None:
    """Whichever part of the mailbox is read in order, and whatever of the query the index is asked for."""
    for name, value in {"CHUNK": chunk, "LARGEST_CHUNK": chunk, "MOST_SCANNED": most, "COMMON": common}.items():
        monkeypatch.setattr(search, name, value)
    assert {query: found(desk, query) for query in FOUND} == FOUND


HOSTILE: Final = (
    '"', '"""', "*", "**", "a*b*", "NOT refund", "refund OR", "AND", "NEAR(a b)", "words:refund", "-refund", "^refund",
    "refund'; DROP TABLE desk", "'refund':A", "!refund", "refund & !x", "(", "\\", "%", "\ue0001", "\ue001", "a\x00b",
    "\ud83d".encode("utf-16", "surrogatepass").decode("utf-16", "replace"), "  ", "﷽",
)  # fmt: skip


def test_no_query_is_an_error_of_the_engine(desk: Bench) -> None:
    for hostile in HOSTILE:
        assert set(found(desk, hostile)) <= set(CORPUS), hostile


def test_a_query_beyond_the_bounds_is_refused_in_words(desk: Bench) -> None:
    for query in ("x" * 10_000, " ".join(f"w{n}" for n in range(50))):
        with pytest.raises(Invalid, match=r"^q has more than"):
            found(desk, query)


@pytest.mark.parametrize("chunk", [128, 2])
def test_a_search_stays_in_its_mailbox_and_goes_on_page_by_page(
    desk: Bench, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(search, "CHUNK", chunk)
    monkeypatch.setattr(search, "MOST_SCANNED", 2 * chunk)
    other = f"sales@{DOMAIN}"
    desk.store.transact(lambda tx: add_mailbox(tx, agent="sales-bot", address=other, stream=desk.stream_id))
    arrive(desk, mail("refund", message_id="<z@x>"), other, sender=JANE)
    assert found(desk, "refund") == ["en"]
    seen: list[int] = []
    cursor = None
    with desk.store.read() as conn:
        while True:
            page, cursor = inbox.page(conn, desk.mailbox_id, Filter(q="jane"), caller=ALICE, cursor=cursor, limit=5)
            seen += [one.row.id for one in page]
            if cursor is None:
                break
    everything = desk.store.rows(
        select(INBOUND_MESSAGE.c.id)
        .where(INBOUND_MESSAGE.c.mailbox_id == desk.mailbox_id)
        .order_by(INBOUND_MESSAGE.c.id.desc())
    )
    assert seen == [row.id for row in everything]


def test_what_proves_feedback_cannot_be_found_letter_by_letter(desk: Bench) -> None:
    path = signed_ids.return_path(7, 0, domain=DOMAIN, keyring=KEYRING)
    arrive(desk, mail(f"You wrote to {path}", message_id="<p@x>"), sender=JANE)
    assert found(desk, "wrote") == ["p"]
    words = search_words.of_text(path).split()
    assert all(found(desk, f"{word[:length]}*") == [] for word in words[:3] for length in (5, 9) if len(word) > 9)


def test_erasure_and_retention_remove_a_message_from_the_index(desk: Bench) -> None:
    assert isinstance(desk.store.clock, FakeClock)
    arrive(
        desk,
        mail("Joe was here", subject="Hello", sender="joe@x.example", message_id="<joe@x>"),
        sender="joe@x.example",
    )
    erase(desk.store, JANE)
    left = desk.store.rows(select(INBOUND_SEARCH.c.words))
    assert len(left) == 1
    assert found(desk, "refund") == []
    desk.store.clock.advance(seconds=31 * DAY // 1_000_000)
    desk.store.transact(received_retention.purge_due)
    assert desk.store.rows(select(INBOUND_SEARCH.c.id)) == []
    if desk.store.sqlite:
        with desk.store.begin() as tx:
            tx.conn.execute(text("INSERT INTO inbound_search_index(inbound_search_index) VALUES ('integrity-check')"))
    assert found(desk, "joe") == []
