"""Role x operation x token: who gets in, at the door and past it. Refusals are checked; nothing is performed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from sqlalchemy import insert, update

from core.db.tables import OPERATOR
from core.demo.clock import FakeClock
from core.errors import AccessEnded, Forbidden, Refused, Unauthenticated
from core.model import Actor, Role
from core.operations.operation import Kind, TokenKind, admit
from core.operations.registry import OPERATIONS
from core.rules.roles import Verb
from tests.api.api_client import Visitor, opened
from tests.factories.database import new_store
from tests.factories.desk import PEOPLE, issue, person
from tests.operations.scene import WHO, Scene

EVERYONE: Final = "reviewer oncall owner governance deliverability auditor admin"
WATCHERS: Final = "reviewer oncall owner governance deliverability auditor"
TIGHTENERS: Final = "reviewer oncall owner governance deliverability"
ROWS: Final[Mapping[str, str]] = {
    "desk.status": EVERYONE,
    "desk.ready": EVERYONE,
    "desk.stop": TIGHTENERS,
    "desk.start": "governance oncall",
    "event.list": WATCHERS,
    "event.show": WATCHERS,
    "trace.show": WATCHERS,
    "queue.list": WATCHERS,
    "queue.scheduled": WATCHERS,
    "message.show": WATCHERS,
    "message.find": WATCHERS,
    "message.difference": WATCHERS,
    "message.approve": "reviewer",
    "message.reject": TIGHTENERS,
    "message.undo": TIGHTENERS,
    "message.cancel": TIGHTENERS,
    "lane.list": EVERYONE,
    "lane.pause": TIGHTENERS,
    "lane.resume": "deliverability",
    "message.claim": TIGHTENERS,
    "message.unclaim": TIGHTENERS,
    "message.return": TIGHTENERS,
    "message.wording": "reviewer",
    "message.edit": "reviewer",
    "note.add": TIGHTENERS,
    "note.list": WATCHERS,
    "handover.show": WATCHERS,
    "attention.acknowledge": TIGHTENERS,
    "attention.wake": TIGHTENERS,
    "attention.list": EVERYONE,
    "attention.now": EVERYONE,
    "history.show": EVERYONE,
    "queue.groups": WATCHERS,
    "queue.group": WATCHERS,
    "queue.undoable": WATCHERS,
    "filter.count": EVERYONE,
    "filter.values": EVERYONE,
    "agent.list": EVERYONE,
    "agent.show": EVERYONE,
    "agent.suspend": TIGHTENERS,
    "agent.resume": "governance",
    "run.list": WATCHERS,
    "run.show": WATCHERS,
    "run.open": TIGHTENERS,
    "run.confirm": "owner governance",
    "run.close": TIGHTENERS,
    "token.list": EVERYONE,
    "token.issue": "governance",
    "token.enrol": "owner",
    "token.revoke": TIGHTENERS,
    **dict.fromkeys(
        (
            "drill.plan",
            "drill.start",
            "drill.abandon",
            "drill.revoke",
            "drill.check",
            "drill.restore",
            "drill.keys",
            "drill.finish",
        ),
        "governance",
    ),
    "mailbox.list": EVERYONE,
    "mailbox.show": EVERYONE,
    "mailbox.evidence": EVERYONE,
    "inventory.list": EVERYONE,
    "mailbox.mode": TIGHTENERS,
    "mailbox.limits": TIGHTENERS,
    "mailbox.allow": TIGHTENERS,
    "mailbox.classes": TIGHTENERS,
    "mailbox.renew": "governance",
    "mailbox.retire": "owner governance",
    "mailbox.checklist": "owner governance deliverability",
    "mailbox.sign": "owner governance deliverability",
    "mailbox.veto": "owner governance deliverability",
    "mailbox.request": EVERYONE,
    "mailbox.change": EVERYONE,
    "mailbox.webhook": "owner governance",
    "mailbox.webhook_events": "owner governance",
    "mailbox.webhook_rotate": "owner governance",
    "stream.list": EVERYONE,
    "stream.show": EVERYONE,
    "stream.dns": EVERYONE,
    "stream.add": "deliverability",
    "stream.set": "deliverability",
    "stream.rotate": "deliverability",
    "stream.pause": TIGHTENERS,
    "stream.resume": "deliverability",
    "stream.warmup": "deliverability",
    "inbox.list": WATCHERS,
    "inbox.thread": WATCHERS,
    "contact.list": WATCHERS,
    "suppression.list": WATCHERS,
    "suppression.add": TIGHTENERS,
    "suppression.remove": "deliverability",
    "suppression.import": TIGHTENERS,
    "consent.list": WATCHERS,
    "consent.add": "owner",
    "consent.withdraw": TIGHTENERS,
    "consent.import": "owner",
    "recipient.erase": "governance",
    "operator.list": EVERYONE,
    "operator.me": EVERYONE,
    "operator.sign_in": EVERYONE,
    "operator.add": "admin",
    "operator.confirm": "governance",
    "operator.rotate": EVERYONE,
    "operator.revoke": "admin governance",
    "operator.disable": "admin",
    "webhook.dead": WATCHERS,
    "gateway.logs": "admin oncall governance deliverability auditor",
    "webhook.replay": "oncall owner governance",
    "notify.test": TIGHTENERS,
    "policy.show": EVERYONE,
    "policy.check": EVERYONE,
    "policy.replay": WATCHERS,
    "policy.set": TIGHTENERS,
    "policy.waiting": EVERYONE,
    "policy.confirm": "governance",
    "policy.withdraw": TIGHTENERS,
    "audit.export": WATCHERS,
    "audit.verify": WATCHERS,
    "audit.against": WATCHERS,
    "audit.checkpoint": WATCHERS,
    "screen.open": WATCHERS,
    "screen.live": EVERYONE,
    "screen.queue": WATCHERS,
    "screen.queue_rows": WATCHERS,
    "screen.alike": WATCHERS,
    "screen.groups": WATCHERS,
    "screen.item": WATCHERS,
    "screen.agent": EVERYONE,
    "screen.lanes": EVERYONE,
    "screen.sites": EVERYONE,
    "screen.events": WATCHERS,
    "screen.suppressions": WATCHERS,
    "screen.identities": EVERYONE,
    "screen.inbox": WATCHERS,
    "screen.inbox_rows": WATCHERS,
    "screen.trace": WATCHERS,
}
"""Written by hand: who may, by the table of roles in CONTRACT.md."""
OTHERS: Final = {"token.delegate": TokenKind.AGENT, "operator.claim": TokenKind.NONE}
"""The operations that are not for operators, and what kind of token each takes."""

UNLOGGED: Final[Mapping[str, str]] = {
    "queue.group": "ids and counts; each item is logged when it is opened",
    "queue.undoable": "ids and who decided; each item is logged when it is opened",
    "webhook.dead": "numbers of log entries, and what the owner's server answered",
    "policy.replay": "counts, and ids of messages as examples",
    "audit.verify": "figures of the chain",
    "audit.against": "figures of the chain and of what is compared with it",
    "screen.open": "the id of what is opened, which is a record by itself",
    "screen.queue": "ids; lines are read by screen.queue_rows",
    "screen.alike": "ids; lines are read by screen.queue_rows",
    "screen.inbox": "ids; lines are read by screen.inbox_rows",
}
"""Reads of mail, people or the log that leave no trace, and why each need not."""

ENDED: Final[Mapping[str, dict[str, Any]]] = {
    "expired": {"token_expires_at": 1},
    "revoked": {"token_hash": None},
    "replaced": {"token_hash": b"another"},
    "disabled": {"disabled_at": 1},
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("desk")
    made = Scene(new_store(directory, FakeClock()), directory)
    for role in Role:
        for state, values in {"live": {}, "narrowed": {"roles": []}, **ENDED}.items():
            _hire(made, f"{role}-{state}", {"roles": [role.value]} | values)
    yield made
    made.store.close()


def _hire(scene: Scene, name: str, values: dict[str, Any]) -> None:
    row: dict[str, Any] = {
        "name": name, "unconfirmed": [], "token_hash": person(name).token, "added_by": "init", "created_at": 1,
    }  # fmt: skip
    if values.get("token_hash") == b"another":
        values = values | {"token_hash": f"another {name}".encode()}
    scene.store.transact(lambda tx: tx.write(insert(OPERATOR).values(**(row | values))))


def test_every_operation_has_a_row() -> None:
    assert OPERATIONS.keys() == ROWS.keys() | OTHERS.keys()
    assert {name: set(one.roles) for name, one in OPERATIONS.items() if name in ROWS} == {
        name: {Role(role) for role in row.split()} for name, row in ROWS.items()
    }
    assert {name: one.tokens for name, one in OPERATIONS.items() if name not in ROWS} == {
        name: {kind} for name, kind in OTHERS.items()
    }


def test_whoever_reads_mail_people_or_the_log_is_logged() -> None:
    delicate = {Verb.MESSAGE_READ, Verb.AUDIT_READ, Verb.TRACE_READ, Verb.GATEWAY_LOG_READ}
    reads = {one.name for one in OPERATIONS.values() if one.kind is Kind.READ and delicate & {*one.verbs}}
    assert {name for name in reads if OPERATIONS[name].shown is None} == UNLOGGED.keys()


def _refusal(scene: Scene, name: str, who: str) -> type[Refused] | None:
    digest = person(who).token
    assert digest is not None
    try:
        scene.store.look(lambda tx: admit(tx, OPERATIONS[name], digest))
    except Refused as error:
        return type(error)
    return None


def test_a_live_token_opens_what_its_role_may_and_nothing_else(scene: Scene) -> None:
    for name, row in ROWS.items():
        for role in Role:
            expected = None if role in row.split() else Forbidden
            assert _refusal(scene, name, f"{role}-live") is expected, (name, role)


@pytest.mark.parametrize("state", [*ENDED, "narrowed"])
def test_a_token_that_has_ended_or_lost_its_role_opens_nothing(scene: Scene, state: str) -> None:
    expected = {
        "narrowed": Forbidden, "disabled": AccessEnded, "expired": AccessEnded,
        "revoked": Unauthenticated, "replaced": Unauthenticated,
    }[state]  # fmt: skip
    for name in ROWS:
        for role in Role:
            assert _refusal(scene, name, f"{role}-{state}") is expected, (name, role)


def test_past_the_door_each_service_refuses_the_same_roles_by_itself(scene: Scene) -> None:
    """A client that reached a service without the door would get no further."""
    for name, body in scene.requests().items():
        if OPERATIONS[name].kind is not Kind.ACT or name in OTHERS:
            continue  # a read has no other check than the door's
        for role in Role:
            if role in ROWS[name].split():
                continue
            stranger = Actor("operator", f"{role}-live", frozenset({role}), person(f"{role}-live").token)
            with pytest.raises(Forbidden):
                scene.store.transact(lambda tx, n=name, b=body, who=stranger: scene.call(tx, n, b, who))  # type: ignore[misc]


# --- over HTTP ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def visitor(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    with opened(scene.bench, tmp_path_factory.mktemp("gateway")) as found:
        issue(scene.store, scene.bench.agent_id, secret="pra_test", test=True)
        yield found


NONSENSE: Final = {"no_such_member": 1}
"""Whoever is let in gets no further than this."""


def test_every_door_asks_before_it_reads_the_request(scene: Scene, visitor: Visitor) -> None:
    agent = scene.bench.agent_id
    tried = {
        None: (401, "unauthenticated"),
        "pro_nobody": (401, "unauthenticated"),
        f"pra_test{agent}False": (403, "insufficient_scope"),
        f"pra_test{agent}True": (403, "insufficient_scope"),
        "pra_nobody": (403, "insufficient_scope"),
    }
    for name in ROWS:
        for token, expected in tried.items():
            answer = visitor.using(token).post(f"/v1/{name}", NONSENSE)
            assert (answer.status_code, answer.json()["error"]) == expected, (name, token)


def test_an_agents_operation_takes_an_agents_live_token_alone(scene: Scene, visitor: Visitor) -> None:
    agent = scene.bench.agent_id
    ended = issue(scene.store, agent, secret="pra_ended", revoked_at=1)
    enrols = issue(scene.store, agent, secret="pra_enrols", scopes=["request"], owner="olive")
    assert not ended.alive(scene.store.clock.now())
    assert enrols.enrols
    tried = {
        None: 401, "pra_nobody": 401, f"pra_ended{agent}False": 401, "pro_nobody": 403, "pro_oncall-live": 403,
        f"pra_enrols{agent}False": 403, f"pra_scene{agent}False": 422, f"pra_test{agent}True": 422,
    }  # fmt: skip
    for token, expected in tried.items():
        answer = visitor.using(token).post("/v1/token.delegate", NONSENSE)
        assert answer.status_code == expected, (token, answer.text)


def test_a_person_claims_without_a_token(visitor: Visitor) -> None:
    for token in (None, "pra_nobody", "pro_nobody"):
        assert visitor.using(token).post("/v1/operator.claim", NONSENSE).status_code == 422


@pytest.mark.parametrize(
    ("state", "http"), [("live", None), ("expired", 401), ("revoked", 401), ("disabled", 401), ("narrowed", 403)]
)
def test_every_door_asks_who_holds_the_token_now(visitor: Visitor, state: str, http: int | None) -> None:
    for name, row in ROWS.items():
        allowed, *_ = row.split()
        answer = visitor.operator(f"{allowed}-{state}").post(f"/v1/{name}", NONSENSE)
        assert answer.status_code == (http or 422), (name, answer.text)
        refused = next((role for role in Role if role not in row.split()), None)
        if refused is not None and http is None:
            assert visitor.operator(f"{refused}-live").post(f"/v1/{name}", NONSENSE).status_code == 403, name


def test_the_scene_performs_each_operation_with_one_of_its_roles() -> None:
    held = {one.name: one.roles for one in PEOPLE}
    for name, who in WHO.items():
        if name in OTHERS:
            continue
        assert held[who.name] & OPERATIONS[name].roles, name


def test_an_operator_who_is_disabled_between_door_and_act_is_refused_by_the_act(scene: Scene) -> None:
    """The door has let them in; the transaction that acts asks again."""
    digest = person("oncall-live").token
    assert digest is not None
    scene.store.look(lambda tx: admit(tx, OPERATIONS["agent.suspend"], digest))

    def disable(values: dict[str, Any]) -> None:
        scene.store.transact(
            lambda tx: tx.write(update(OPERATOR).where(OPERATOR.c.name == "oncall-live").values(**values))
        )

    disable({"disabled_at": 1})
    try:
        assert _refusal(scene, "agent.suspend", "oncall-live") is AccessEnded
    finally:
        disable({"disabled_at": None})
