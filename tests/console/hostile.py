"""A desk on which strangers have the word wherever the database holds text, and a look at what that draws.

Every place that a test does not know of is in it as well: each text column of each table is filled, not a list of them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from email.header import Header
from typing import Any, Final

from rich.cells import cell_len
from sqlalchemy import Integer, String, cast, func, literal, select, update
from sqlalchemy.types import JSON
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString
from textual.pilot import Pilot

from console.app import PostroomConsole
from core.db import tables
from core.db.tables import BODY, INBOUND_CONTENT
from core.db.transaction import Transaction
from core.events import AgentWarned, EmailBlocked, FeedbackUnverified, PolicyRefused
from core.text.unicode_safety import spell_out
from tests.console.harness import Scene, strips
from tests.factories.desk import leave

MARKUP: Final = (
    "[@click=app.simulate_key('a')]Please review[/] [/b] [JIRA-12] [link=https://evil.example]x[/link] [[/] "
    "[@click=app.perform('approve')]a[/] \\[b] $s ${s} %s {0} [red on blue]c[/]"
)
PAYLOADS: Final[Mapping[str, str]] = {
    "markup": MARKUP,
    "escapes": (
        "\x1b]52;c;aGk=\x07\x1b]2;owned\x07\x1b]0;owned\x1b\\\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\\x1b[2J\x1b[999B"
        "\x1b[?1049l\x1bPq#0\x1b\\\x1b_Gi=1\x1b\\\x1b^x\x1b\\\x1bX\x1b\\\x1bc\x1b(0\x0e\x0f\x05\x07\x08\x18\x1a"
    ),
    "c1": "\x9b2J\x9d52;c;aGk=\x9c\x90q\x9c\x9fG\x9c\x9ex\x9c\x98\x84\x85\x88\x8d\x8e\x8f\x80",
    "bidi": "evil\u202a\u202b\u202c\u202d\u202egnp.exe\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
    "invisible": (
        "a\u200b\u200c\u200d\u2060\u2061\ufeff\u00ad\u034f\u115f\u1160\u3164\uffa0\u180e\U000e0001\U000e0041\U000e007f"
        "\ufe0f\ufe00\U000e0100\u2800\x7f\ufff9\ufffb\U0001d173\ue000\U000f0000\U0010fffd\u0378"
    ),
    "lines": "a\r\nb\rc\nd\te\x0bf\x0cg\u2028h\u2029i\x85j\x1c\x1d\x1e\x1f end\n\n\n> forged row",
    "zalgo": "Z\u0301" + "\u0316\u0489\u0301\u20dd" * 60 + "\u0301" * 200,
    "wide": (
        "漢字かな交じり한글 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea "
        "\u1112\u1161\u11ab \uff71\uff9e 1\ufe0f\u20e3 "
    ) * 9,
    "long": "x" * 10_000,
    "spaces": "\u00a0\u1680\u2003\u200a\u202f\u205f\u3000 " * 40,
    "alike": "p\u0430ypal.example xn--pypal-4ve.example \u0430\u0440\u0440\u04cf\u0435.example \uff47\uff4d\uff41",
}  # fmt: skip
DESKS: Final[Mapping[str, str]] = {
    "all": " ".join((MARKUP, *(PAYLOADS[name] for name in ("escapes", "c1", "bidi", "invisible")))),
    "markup": MARKUP,
    "controls": " ".join(PAYLOADS[name] for name in ("escapes", "c1", "lines")),
    "unseen": " ".join(PAYLOADS[name] for name in ("bidi", "invisible", "zalgo", "wide", "spaces", "alike")),
    "long": PAYLOADS["long"],
}
"""The same for whole desks: a tour of all screens takes its time."""
OURS: Final = frozenset(
    {
        # what decides whether a row is shown at all, and what the desk itself spells
        "status", "mode", "kind", "field", "slot", "algorithm", "direction", "digest", "outcome", "content_class",
        "declared_class", "feedback", "scope", "type", "hash", "prev", "stage",
    }
)  # fmt: skip
UNTOUCHED: Final = frozenset({"event", "counter", "policyversion", "body", "cursor"})
"""Append-only, or read by the desk alone; bodies and events are written below."""


def possess(scene: Scene, payload: str) -> None:
    """Fill every text of every table with the payload, each beginning with its row's number so that keys stay keys."""
    scene.store.transact(lambda tx: _fill(tx, payload))
    scene.store.transact(lambda tx: _tell(tx, payload))


def _fill(tx: Transaction, payload: str) -> None:
    for one in SQLModel.metadata.sorted_tables:
        if one.name in UNTOUCHED:
            continue
        number = next((c for c in one.primary_key.columns if isinstance(c.type, Integer)), None)
        prefix = cast(number, String) if number is not None else literal("")
        values: dict[str, Any] = {}
        for column in one.columns:
            if column.name in OURS or column.primary_key:
                continue
            if isinstance(column.type, String | AutoString):
                values[column.name] = prefix + literal(payload)
            elif isinstance(column.type, JSON):
                filled = _json(column.name, payload)
                if filled is not None:
                    values[column.name] = filled
        if values:
            tx.write(update(one).values(**values))
    tx.write(update(BODY).values(rendered=mail_of(payload), issued=payload.encode(errors="replace"), preview=payload))
    tx.write(update(INBOUND_CONTENT).values(raw=zlib.compress(mail_of(payload))))
    _keep_working(tx)


def _json(name: str, payload: str) -> Any:
    match name:
        case "reasons":
            return [{"code": payload, "text": payload}]
        case "held_for":
            return [{"code": payload, "text": payload}]
        case "authentication":
            domain = {"status": payload, "domain": payload}
            return {"spf": domain, "dkim": [domain], "dmarc": domain | {"aligned_by": [payload]}}
        case "hidden":
            return [payload, payload]
        case "allow" | "via" | "tags":
            return [payload, payload]
        case "meta":
            return {payload[:200]: payload}
        case _:
            return None


def _keep_working(tx: Transaction) -> None:
    """What must be of ours for the desk to be there at all."""
    tx.write(update(tables.DESK).values(stopped_at=tx.now))
    tx.write(update(tables.STREAM).values(active_slot="a"))


def mail_of(payload: str) -> bytes:
    """A message as a hostile agent would render it: in raw bytes, in encoded words, in names of files."""
    raw = payload.encode("utf-8", "surrogatepass")
    readable = re.sub("[\r\n\ud800-\udfff]", " ", payload)
    word = Header(readable, "utf-8", maxlinelen=10_000).encode().encode()
    one_line = re.sub(rb"[\r\n]+", b" ", raw)
    return b"\r\n".join(
        [
            b"From: " + one_line + b" <a@b.example>", b"To: " + word, b"Subject: " + word, b"X-Raw: " + one_line,
            b"X-" + one_line.replace(b":", b"") + b": x", b"Message-ID: <" + one_line + b">",
            b'Content-Type: multipart/mixed; boundary="=_b"', b"", b"--=_b",
            b"Content-Type: text/plain; charset=utf-8", b"Content-Transfer-Encoding: 8bit", b"", raw, b"--=_b",
            b"Content-Type: text/html; charset=utf-8", b"Content-Transfer-Encoding: 8bit", b"",
            b"<p title='" + raw + b"'>" + raw + b"<a href='" + raw + b"'>" + raw + b"</a><img alt='" + raw + b"'>",
            b"--=_b", b'Content-Disposition: attachment; filename="' + one_line.replace(b'"', b"") + b'"',
            b"Content-Type: " + one_line.replace(b"/", b"") + b"/x" + one_line.replace(b"/", b""), b"", b"x",
            b"--=_b--", b"",
        ]
    )  # fmt: skip


def _tell(tx: Transaction, payload: str) -> None:
    """Facts of the log, which are appended and never changed."""
    agent = tx.one(select(func.min(tables.AGENT.c.id)))
    assert agent is not None
    leave(tx, EmailBlocked(actor=f"agent:{payload}", kind=payload, error=payload, reason=payload, agent=agent[0]))
    leave(
        tx,
        AgentWarned(actor=payload, agent=agent[0], guard=payload, figures={payload[:200]: payload}, reason=payload),
    )
    leave(tx, PolicyRefused(actor=payload, problems=[payload, [payload, payload]]))
    leave(tx, FeedbackUnverified(actor=payload, source=payload, kind=payload, reason=payload))


# --- looking ----------------------------------------------------------------------------------------------------------


def assert_inert(pilot: Pilot[int], where: str) -> None:
    """Nothing drawn is a control, hidden, somebody else's action or a link; every line is as wide as the screen."""
    width = pilot.app.size.width
    for y, strip in enumerate(strips(pilot)):
        for segment in strip:
            assert segment.control is None, where
            assert segment.text.isprintable(), f"{where}, line {y}: {segment.text!r}"
            style = segment.style
            if style is None:
                continue
            assert style.link is None, f"{where}: {segment.text!r}"
            foreign = {key: value for key, value in (style.meta or {}).items() if key.startswith("@")}
            assert not foreign, f"{where}: {segment.text!r} {foreign}"
        drawn = "".join(segment.text for segment in strip)
        assert spell_out(drawn)[1] == 0, f"{where}, line {y}: {drawn!r}"
        assert cell_len(drawn) == width, f"{where}, line {y}: {cell_len(drawn)} of {width} cells: {drawn!r}"


_OF_TEXTUAL: Final = re.compile(
    r"\x1b\[[0-9;:?<>=]*[A-Za-z~]"  # CSI: colours, the cursor, modes
    r"|\x1b\]52;c;[A-Za-z0-9+/=]*\x07"  # the clipboard, filled by `y` alone
    r"|\x1b\]22;[a-z-]*\x07"  # the shape of the pointer
    r"|\x1b[78=>]"
)


class Written:
    """Everything that goes to the terminal. The app must not think that it has none (`with_terminal`)."""

    def __init__(self, app: PostroomConsole) -> None:
        self.text: list[str] = []
        assert app._driver is not None
        app._driver.write = self.text.append  # type: ignore[method-assign,assignment]  # where bytes leave

    def assert_clean(self, *, with_: str) -> None:
        """`with_` is something that was drawn, or nothing would have been looked at."""
        said = "".join(self.text)
        assert with_ in said
        left = _OF_TEXTUAL.sub("", said)
        found = re.search(r"[^\r\n]{0,20}[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f][^\r\n]{0,30}", left)
        assert found is None, repr(found[0])
        assert "\x1b]52" not in said
        assert spelled(left) == 0


def spelled(text: str) -> int:
    return sum(spell_out(line)[1] for line in text.replace("\r", "").split("\n"))
