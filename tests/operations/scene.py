"""A desk in which every operation has something to act on, and one valid request for each."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import insert, select

from core.db.store import Store
from core.db.tables import DEAD_HOOK, MESSAGE, TOKEN
from core.db.transaction import Transaction
from core.durations import DAY
from core.ids import read_id, spell_id
from core.model import Actor
from core.operations import named
from core.operations.operation import NOBODY, Call, Resources
from core.rules import policy as policies
from core.rules.addresses import parse_address
from core.rules.stream_records import Slot
from core.security import credentials, encryption
from core.security.encryption import MasterKeys, new_master_key
from core.services.control import policy
from core.services.control.read_log import EntryPoint
from core.services.feedback.erasure import Found
from core.services.identity import mailboxes, operators, streams
from core.services.identity.mailboxes import Filing
from core.services.identity.streams import SealedKey
from core.services.notify.apprise_client import Result
from core.settings import Settings
from tests.factories.desk import ADDRESS, ALICE, DOMAIN, DORA, GAIL, KEYRING, OLIVE, ROOT, Bench, issue, make_desk
from tests.factories.inbound import arrive, mail, received

Json = dict[str, Any]
HOOK: Final = "https://acme.test/other"
LOOSER: Final = "[budgets.agent]\nhour = 100\n"
SALES: Final = "sales-bot.acme.test"
NEW: Final = f"news@{DOMAIN}"
CLAIMED: Final = credentials.new_operator_token()
SECRET: Final = "whsec_" + "QUFB" * 8
WHO: Final[Mapping[str, Actor]] = {
    **dict.fromkeys(
        ("agent.resume", "mailbox.renew", "operator.confirm", "policy.set", "policy.confirm", "recipient.erase"), GAIL,
    ),
    **dict.fromkeys(
        ("lane.resume", "stream.resume", "stream.warmup", "stream.add", "stream.set", "stream.rotate",
         "suppression.remove", "mailbox.veto"), DORA,
    ),
    **dict.fromkeys(
        ("run.confirm", "consent.add", "consent.import", "mailbox.retire", "mailbox.sign", "mailbox.checklist"), OLIVE,
    ),
    **dict.fromkeys(
        ("mailbox.webhook", "mailbox.webhook_events", "mailbox.webhook_rotate", "token.enrol"), OLIVE,
    ),
    "token.issue": GAIL,
    **dict.fromkeys(
        ("drill.plan", "drill.start", "drill.abandon", "drill.revoke", "drill.check", "drill.restore", "drill.keys",
         "drill.finish"), GAIL,
    ),
    "operator.claim": NOBODY,
    **dict.fromkeys(("operator.add", "operator.disable", "operator.revoke"), ROOT),
}  # fmt: skip
"""Who performs an operation; alice (reviewer and on call) the others."""
WHY: Final = {"reason": "they asked for it"}


class Scene:
    """The desk, its ids, and what must have happened before an operation can."""

    def __init__(self, store: Store, directory: Path) -> None:
        self.bench: Bench = make_desk(store, webhook_url="https://acme.test/hooks")
        self.store = store
        self.resources = Resources(lambda: KEYRING, Settings(dir=directory))
        (directory / "master.key").write_text(new_master_key("k1"))
        (directory / "master.key").chmod(0o600)
        token = issue(store, self.bench.agent_id, secret="pra_scene")
        self.agent = Actor("agent", token.agent_name, token=credentials.digest(f"pra_scene{self.bench.agent_id}False"))
        self.held = str(self.bench.submit("jane@example.com", run="run-1").message_id)
        (row,) = store.rows(select(MESSAGE.c.digest))
        self.digest = str(row.digest)
        self.approved = str(self.bench.submit("joe@example.com", run="run-1").message_id)
        self.perform("message.approve", {"ids": [self.approved]})
        filing = Filing(
            address=parse_address(NEW), agent="news-bot", purpose="news", owner="olive", system_owner="platform",
            systems="tickets", revoke_when="the project ends", expires_at=store.clock.now() + 60 * DAY, allow=("*",),
        )  # fmt: skip
        store.transact(lambda tx: mailboxes.request(tx, filing, actor=ALICE))
        store.transact(lambda tx: operators.add(tx, name="zoe", roles=["auditor"], actor=ROOT))
        store.transact(lambda tx: operators.claim(tx, name="zoe", token_hash=CLAIMED.digest))
        store.transact(lambda tx: operators.add(tx, name="xena", roles=["auditor"], actor=ROOT))
        store.transact(self._dead_letter)
        self.signed = orjson.dumps(self.perform("audit.checkpoint", {})).decode()
        arrive(self.bench, mail())
        self.came = spell_id("m", received(store)[0].id)
        store.transact(lambda tx: policy.watch_edit(tx, policies.parse(LOOSER)))
        waiting = store.look(policy.waiting)
        assert waiting is not None
        self.waiting = waiting.digest

    @functools.cached_property
    def prepared(self) -> Mapping[str, object]:
        """What the slow work before an operation would have returned."""
        ring = MasterKeys.parse(new_master_key("m1"))
        return {
            "stream.add": _keys("a", "b", n=1), "stream.rotate": _keys("a", n=2), "recipient.erase": Found(),
            "drill.keys": [], "notify.test": (Result("json://chat.acme.test/...", ok=True),),
            "audit.checkpoint": (ring, encryption.new_key_pair("ed25519")),
        }  # fmt: skip

    def _dead_letter(self, tx: Transaction) -> None:
        row = {"mailbox_id": self.bench.mailbox_id, "seq": 1, "at": tx.now, "error": "410"}
        tx.write(insert(DEAD_HOOK).values(**row))

    def requests(self) -> Mapping[str, Json]:
        """One valid request for every operation."""
        item, box = {"ids": [self.held]}, {"address": ADDRESS}
        agent, stream, run = {"agent": "support-bot"}, {"domain": DOMAIN}, {"run": "run-1", "agent": "support-bot"}
        lane, number = {"lane": 1} | WHY, {"id": read_id("m", self.held)}
        numbers = {"ids": [number["id"]]}
        step = agent | {"started": self.store.clock.now(), "probes": [self._next_token()]}
        found: dict[str, Json] = {
            name: {}
            for name in (
                "desk.status", "event.list", "queue.list", "queue.scheduled", "lane.list", "agent.list", "token.list",
                "run.list", "mailbox.list", "inventory.list", "stream.list", "suppression.list", "consent.list",
                "operator.list", "operator.me", "operator.sign_in", "webhook.dead", "desk.ready", "inbox.list",
                "notify.test", "policy.show", "policy.waiting", "audit.export", "audit.verify", "audit.checkpoint",
                "operator.list", "gateway.logs", "screen.live", "screen.queue", "screen.groups", "screen.lanes",
                "screen.sites", "screen.events", "screen.suppressions", "screen.identities", "screen.inbox",
                "note.list", "attention.list", "handover.show", "attention.now", "history.show",
                "queue.groups", "queue.undoable",
            )
        }  # fmt: skip
        return found | {
            "desk.stop": WHY, "desk.start": WHY, "trace.show": {"key": self.held}, "event.show": {"seq": 1},
            "message.find": {"key": self.held[:1] + self.held[-5:]},
            "message.show": {"id": self.held, "source": True}, "message.difference": {"id": self.held},
            "queue.group": {"id": self.held}, "filter.count": {"list": "lanes", "filter": "agent:bot"},
            "filter.values": {"list": "lanes", "field": "agent"},
            "message.approve": item, "message.reject": item | WHY, "message.undo": item,
            "message.cancel": {"id": self.held} | WHY, "lane.pause": lane, "lane.resume": lane,
            "message.claim": item, "message.unclaim": item,
            "message.return": {"id": self.held, "comment": "name the invoice"}, "message.wording": {"id": self.held},
            "message.edit": {"id": self.held, "digest": self.digest, "text": "It leaves on Friday."},
            "note.add": {"text": "asked the owner", "agent": "support-bot"},
            "attention.acknowledge": {"key": "queue:oldest", "level": 1}, "attention.wake": {"key": "queue:oldest"},
            "agent.show": agent, "agent.suspend": agent | WHY, "agent.resume": agent | WHY, "token.revoke": {"id": 1},
            "token.issue": agent | {"token_sha256": "cd" * 32}, "token.enrol": agent | {"token_sha256": "cd" * 32},
            "token.delegate": {"run": "run-1", "token_sha256": "cd" * 32},
            "run.show": run, "run.open": run | {"run": "run-2", "purpose": "news"},
            "run.confirm": run | WHY | {"up_to": 500}, "run.close": run,
            "mailbox.show": box, "mailbox.evidence": box, "mailbox.mode": box | WHY | {"mode": "gated_all"},
            "mailbox.limits": box | WHY | {"limits": {"day": 3}}, "mailbox.allow": box | WHY | {"allow": ["acme.com"]},
            "mailbox.classes": box | WHY | {"classes": ["transactional"]},
            "mailbox.renew": box | WHY | {"expires": "30d"}, "mailbox.retire": box | WHY,
            "mailbox.checklist": {"address": NEW, "kind": "owner"},
            "mailbox.sign": {"address": NEW, "kind": "owner", "affirm": "all"},
            "mailbox.veto": {"address": NEW, "kind": "deliverability"} | WHY,
            "mailbox.request": {"address": f"third@{DOMAIN}", "agent": "news-bot", "approval_webhook": HOOK,
                                "webhook_secret": SECRET},
            "mailbox.change": box | {"limits": {"day": 3}, "change_reason": "as asked"},
            "mailbox.webhook": box | WHY | {"url": HOOK, "secret": SECRET},
            "mailbox.webhook_events": box | WHY | {"events": ["email.sent"]},
            "mailbox.webhook_rotate": box | WHY | {"secret": SECRET},
            "stream.show": stream, "stream.pause": stream | WHY, "stream.resume": stream | WHY,
            "stream.warmup": stream | WHY | {"cap": 5}, "stream.dns": stream,
            "stream.add": {"domain": SALES, "route": "direct"}, "stream.rotate": {"domain": SALES},
            "stream.set": stream | WHY | {"organisation": "Acme Ltd"},
            "inbox.thread": {"id": self.came}, "contact.list": box,
            "suppression.import": {"rows": [{"line": 1, "cells": {"address": "jo@example.com"}}]},
            "consent.import": {
                "rows": [{"line": 1, "cells": {"subject": "example.com", "basis": "opt_in", "source": "May"}}]
            },
            "recipient.erase": {"address": "jill@example.com"} | WHY,
            "policy.check": {"text": LOOSER}, "policy.replay": {"text": LOOSER}, "policy.set": {"text": LOOSER} | WHY,
            "policy.confirm": {"digest": self.waiting} | WHY, "policy.withdraw": {"digest": self.waiting} | WHY,
            "audit.against": {"checkpoint": self.signed}, "suppression.add": {"address": "jill@example.com"},
            "suppression.remove": {"address": "jill@example.com"} | WHY,
            "consent.add": {"subject": "jill@example.com", "basis": "opt_in", "source": "the form of May"},
            "consent.withdraw": {"subject": "jill@example.com"},
            "operator.add": {"name": "yan", "roles": ["reviewer"]},
            "operator.confirm": {"name": "zoe", "fingerprint": credentials.fingerprint(CLAIMED.digest)},
            "operator.claim": {"name": "xena", "token_sha256": "ef" * 32},
            "operator.rotate": {"token_sha256": "ab" * 32}, "operator.revoke": {"name": "bob"} | WHY,
            "operator.disable": {"name": "bob"}, "webhook.replay": {"mailbox": ADDRESS},
            "drill.plan": agent, "drill.keys": agent,
            "drill.start": agent | {"probes": [f"0{n}" * 32 for n in range(9)]},
            "drill.abandon": step, "drill.revoke": step, "drill.check": step | {"tokens": [1], "fresh": ["0b" * 32]},
            "drill.restore": step | {"revoked": [1], "fresh": ["0c" * 32, "0d" * 32]},
            "drill.finish": step | {
                "failures": [], "gateways": [], "unreached": [], "revoked": [], "restored": [], "records": [],
                "remaining": [],
            },
            "screen.open": number, "screen.queue_rows": numbers, "screen.alike": number, "screen.agent": agent,
            "screen.item": number | {"whole": True}, "screen.inbox_rows": numbers, "screen.trace": {"key": self.held},
        }  # fmt: skip

    def _next_token(self) -> int:
        """The id of the token that is issued next, as a drill's probe."""
        return max(int(row.id) for row in self.store.rows(select(TOKEN.c.id))) + 1

    def before(self, name: str) -> Sequence[tuple[str, Actor]]:
        """Operations that must have been performed for this one to have something to do."""
        return {
            "message.unclaim": [("message.claim", ALICE)], "attention.wake": [("attention.acknowledge", ALICE)],
            "desk.start": [("desk.stop", ALICE)], "agent.resume": [("agent.suspend", ALICE)],
            "lane.resume": [("lane.pause", ALICE)], "stream.resume": [("stream.pause", ALICE)],
            "stream.rotate": [("stream.add", DORA)], "suppression.remove": [("suppression.add", ALICE)],
            "consent.withdraw": [("consent.add", OLIVE)],
            **{
                step: [("drill.start", GAIL)]
                for step in ("drill.abandon", "drill.revoke", "drill.check", "drill.finish")
            },
            "drill.restore": [("drill.start", GAIL), ("drill.revoke", GAIL)],
        }.get(name, [])  # fmt: skip

    def caller(self, name: str) -> Actor:
        """Who performs an operation."""
        return self.agent if name == "token.delegate" else WHO.get(name, ALICE)

    def call(self, tx: Transaction, name: str, body: Json, actor: Actor) -> Json:
        """Run an operation's function as somebody, past the door: only the service decides."""
        operation = named(name)
        call = Call(tx, actor, EntryPoint.HTTP, self.resources, self.prepared.get(name))
        return dict(operation.run(call, operation.request.model_validate(body)))

    def perform(self, name: str, body: Json, *, who: Actor | None = None) -> Json:
        """Perform an operation for good."""
        return self.store.transact(lambda tx: self.call(tx, name, body, who or self.caller(name)))


def _keys(*slots: Slot, n: int) -> tuple[SealedKey, ...]:
    return tuple(
        SealedKey(slot, algorithm, f"{slot}{n}-{algorithm}", b"sealed", "public")
        for slot in slots
        for algorithm in streams.ALGORITHMS
    )
