"""A desk in which every operation has something to act on, and one valid request for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert

from core.db.store import Store
from core.db.tables import DEAD_HOOK
from core.db.transaction import Transaction
from core.durations import DAY
from core.model import Actor
from core.operations import named
from core.operations.operation import Call, Resources
from core.rules.addresses import parse_address
from core.security import credentials
from core.services.control.read_log import EntryPoint
from core.services.identity import mailboxes, operators
from core.services.identity.mailboxes import Filing
from core.settings import Settings
from tests.factories.desk import ADDRESS, ALICE, DOMAIN, DORA, GAIL, KEYRING, OLIVE, ROOT, Bench, make_desk

Json = dict[str, Any]
NEW: Final = f"news@{DOMAIN}"
CLAIMED: Final = credentials.new_operator_token()
WHO: Final[Mapping[str, Actor]] = {
    **dict.fromkeys(("agent.resume", "mailbox.renew", "operator.confirm"), GAIL),
    **dict.fromkeys(
        ("lane.resume", "stream.resume", "stream.warmup", "suppression.remove", "mailbox.veto"), DORA,
    ),
    **dict.fromkeys(("run.confirm", "consent.add", "mailbox.retire", "mailbox.sign", "mailbox.checklist"), OLIVE),
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
        self.held = str(self.bench.submit("jane@example.com", run="run-1").message_id)
        self.approved = str(self.bench.submit("joe@example.com", run="run-1").message_id)
        self.perform("message.approve", {"ids": [self.approved]})
        filing = Filing(
            address=parse_address(NEW), agent="news-bot", purpose="news", owner="olive", system_owner="platform",
            systems="tickets", revoke_when="the project ends", expires_at=store.clock.now() + 60 * DAY, allow=("*",),
        )  # fmt: skip
        store.transact(lambda tx: mailboxes.request(tx, filing, actor=ALICE))
        store.transact(lambda tx: operators.add(tx, name="zoe", roles=["auditor"], actor=ROOT))
        store.transact(lambda tx: operators.claim(tx, name="zoe", token_hash=CLAIMED.digest))
        store.transact(self._dead_letter)

    def _dead_letter(self, tx: Transaction) -> None:
        row = {"mailbox_id": self.bench.mailbox_id, "seq": 1, "at": tx.now, "error": "410"}
        tx.write(insert(DEAD_HOOK).values(**row))

    def requests(self) -> Mapping[str, Json]:
        """One valid request for every operation."""
        item, box = {"ids": [self.held]}, {"address": ADDRESS}
        agent, stream, run = {"agent": "support-bot"}, {"domain": DOMAIN}, {"run": "run-1", "agent": "support-bot"}
        lane = {"lane": 1} | WHY
        found: dict[str, Json] = {
            name: {}
            for name in (
                "desk.status", "event.list", "queue.list", "queue.scheduled", "lane.list", "agent.list", "token.list",
                "run.list", "mailbox.list", "inventory.list", "stream.list", "suppression.list", "consent.list",
                "operator.list", "webhook.dead",
            )
        }  # fmt: skip
        return found | {
            "desk.stop": WHY, "desk.start": WHY, "trace.show": {"key": self.held},
            "message.show": {"id": self.held, "source": True}, "message.difference": {"id": self.held},
            "message.approve": item, "message.reject": item | WHY, "message.undo": item,
            "message.cancel": {"id": self.held} | WHY, "lane.pause": lane, "lane.resume": lane,
            "agent.show": agent, "agent.suspend": agent | WHY, "agent.resume": agent | WHY, "token.revoke": {"id": 1},
            "run.show": run, "run.open": run | {"run": "run-2", "purpose": "news"},
            "run.confirm": run | WHY | {"up_to": 500}, "run.close": run,
            "mailbox.show": box, "mailbox.evidence": box, "mailbox.mode": box | WHY | {"mode": "gated_all"},
            "mailbox.limits": box | WHY | {"limits": {"day": 3}}, "mailbox.allow": box | WHY | {"allow": ["acme.com"]},
            "mailbox.classes": box | WHY | {"classes": ["transactional"]},
            "mailbox.renew": box | WHY | {"expires": "30d"}, "mailbox.retire": box | WHY,
            "mailbox.checklist": {"address": NEW, "kind": "owner"},
            "mailbox.sign": {"address": NEW, "kind": "owner", "affirm": "all"},
            "mailbox.veto": {"address": NEW, "kind": "deliverability"} | WHY,
            "stream.show": stream, "stream.pause": stream | WHY, "stream.resume": stream | WHY,
            "stream.warmup": stream | WHY | {"cap": 5}, "suppression.add": {"address": "jill@example.com"},
            "suppression.remove": {"address": "jill@example.com"} | WHY,
            "consent.add": {"subject": "jill@example.com", "basis": "opt_in", "source": "the form of May"},
            "consent.withdraw": {"subject": "jill@example.com"},
            "operator.add": {"name": "yan", "roles": ["reviewer"]},
            "operator.confirm": {"name": "zoe", "fingerprint": credentials.fingerprint(CLAIMED.digest)},
            "operator.rotate": {"token_sha256": "ab" * 32}, "operator.revoke": {"name": "bob"} | WHY,
            "operator.disable": {"name": "bob"}, "webhook.replay": {"mailbox": ADDRESS},
        }  # fmt: skip

    def before(self, name: str) -> Sequence[tuple[str, Actor]]:
        """Operations that must have been performed for this one to have something to do."""
        return {
            "desk.start": [("desk.stop", ALICE)], "agent.resume": [("agent.suspend", ALICE)],
            "lane.resume": [("lane.pause", ALICE)], "stream.resume": [("stream.pause", ALICE)],
            "suppression.remove": [("suppression.add", ALICE)], "consent.withdraw": [("consent.add", OLIVE)],
        }.get(name, [])  # fmt: skip

    def call(self, tx: Transaction, name: str, body: Json, actor: Actor) -> Json:
        """Run an operation's function as somebody, past the door: only the service decides."""
        operation = named(name)
        call = Call(tx, actor, EntryPoint.HTTP, self.resources)
        return dict(operation.run(call, operation.request.model_validate(body)))

    def perform(self, name: str, body: Json, *, who: Actor | None = None) -> Json:
        """Perform an operation for good."""
        return self.store.transact(lambda tx: self.call(tx, name, body, who or WHO.get(name, ALICE)))
