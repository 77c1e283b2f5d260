"""Identities through the registry: a widening is signed like a request, and no secret is kept in an answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.db import directory
from core.db.tables import MAILBOX, OPERATION_ANSWER, TOKEN
from core.demo.clock import FakeClock
from core.errors import Conflict, Invalid
from core.json_body import made
from core.operations import named
from core.operations.execution import Execution, run_locally
from core.security import credentials
from core.security.encryption import MasterKeys
from core.services.control.read_log import EntryPoint
from core.services.identity import enrolment
from core.services.identity.widenings import More
from tests.factories.database import new_store
from tests.factories.desk import ADDRESS, GAIL, OLIVE
from tests.operations.scene import HOOK, SECRET, Json, Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made_scene = Scene(new_store(tmp_path, FakeClock()), tmp_path)
    yield made_scene
    made_scene.store.close()


def _asks_for_more(scene: Scene) -> None:
    record = {"purpose": "tickets", "system_owner": "platform", "systems": "tickets", "revoke_when": "the project ends"}
    scene.store.transact(lambda tx: tx.write(update(MAILBOX).where(MAILBOX.c.address == ADDRESS).values(**record)))
    token = scene.store.transact(
        lambda tx: enrolment.issue(tx, agent="support-bot", token_hash=b"enrols", actor=OLIVE)
    ).token
    more = More(reason="the autumn sale", fingerprint=b"more", limits={"day": 50_000})
    scene.store.transact(lambda tx: enrolment.widen(tx, token=token, address=ADDRESS, more=more))


def test_a_widening_is_listed_shown_and_signed_as_a_request_is(scene: Scene) -> None:
    _asks_for_more(scene)
    waiting = scene.perform("mailbox.list", {"status": "requested"}, who=OLIVE)["mailboxes"]
    assert ADDRESS in {one["address"] for one in waiting}
    box = {"address": ADDRESS, "kind": "owner"}
    assert scene.perform("mailbox.checklist", box)["widening"]
    signed = scene.perform("mailbox.sign", box | {"affirm": "all"})
    assert signed["widening"]["waiting_for"] == ["governance", "deliverability"]
    vetoed = scene.perform("mailbox.veto", {"address": ADDRESS, "kind": "deliverability", "reason": "too much"})
    assert (vetoed["status"], vetoed["widening"]) == ("active", None)


def _repeated(scene: Scene, name: str, request: Json) -> Json:
    """A request that is sent twice with one Idempotency-Key, by gail."""
    operation = named(name)
    assert GAIL.token is not None
    execution = Execution(
        operation, made(operation.request, request), GAIL.token, EntryPoint.CLI, scene.resources, key=f"key {name}"
    )
    first = run_locally(scene.store, execution)
    assert run_locally(scene.store, execution) == first
    return first


def test_a_repeated_request_issues_one_token_and_no_answer_keeps_its_secret(scene: Scene) -> None:
    minted = credentials.new_agent_token()
    request = {"agent": "support-bot", "token_sha256": minted.digest.hex(), "ttl": "1h"}
    issued = _repeated(scene, "token.issue", request)
    _repeated(scene, "mailbox.webhook", {"address": ADDRESS, "reason": "moved", "url": HOOK, "secret": SECRET})
    with scene.store.read() as conn:
        found = conn.execute(select(TOKEN.c.id).where(TOKEN.c.hash == minted.digest)).scalars().all()
        kept = conn.execute(select(OPERATION_ANSWER.c.answer)).scalars().all()
        record = directory.mailbox(conn, ADDRESS)
    assert found == [issued["id"]]
    assert len(kept) == 2
    assert not any(secret in answer for answer in kept for secret in (minted.secret, SECRET))
    keys = MasterKeys.parse(scene.resources.settings.master_key.read_text())
    assert record is not None
    assert keys.open(record.webhook_secret or b"", about=f"webhook:{ADDRESS}").decode() == SECRET
    with pytest.raises(Conflict, match="issued before"):
        scene.perform("token.issue", request)


def test_the_last_signature_issues_the_agents_token_and_no_other_does(scene: Scene) -> None:
    box = {"address": "news@" + ADDRESS.partition("@")[2], "token_sha256": "ab" * 32}
    with pytest.raises(Invalid, match="governance issues tokens"):
        scene.perform("mailbox.sign", box | {"kind": "owner", "affirm": "all"})
    early = scene.perform("mailbox.sign", box | {"kind": "governance", "affirm": "all"}, who=GAIL)
    assert "token_id" not in early
    scene.perform("token.issue", {"agent": "support-bot", "token_sha256": "cd" * 32})
    issued = box | {"token_sha256": "cd" * 32, "kind": "governance", "affirm": "all"}
    with pytest.raises(Conflict, match="issued before"):
        scene.perform("mailbox.sign", issued, who=GAIL)


def test_a_claim_whose_answer_was_lost_is_repeated(scene: Scene) -> None:
    request = {"name": "xena", "token_sha256": "ef" * 32}
    assert scene.perform("operator.claim", request) == scene.perform("operator.claim", request)
    with pytest.raises(Conflict, match="less than a minute ago"):
        scene.perform("operator.claim", request | {"token_sha256": "fe" * 32})
