"""Operators come and go over HTTP, by three people and never by one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from core.demo.clock import FakeClock
from tests.api.api_client import opened, problem
from tests.factories.database import new_store
from tests.factories.desk import make_desk

SECRET = "pro_made-by-rita"


def test_a_person_is_added_claims_is_confirmed_rotates_and_goes(tmp_path: Path) -> None:
    bench = make_desk(new_store(tmp_path, FakeClock()))
    with opened(bench, tmp_path) as visitor:
        root, gail = visitor.operator("root"), visitor.operator("gail")
        rita = visitor.using(SECRET)
        assert root.post("/operators", {"name": "rita", "roles": ["oncall"]}).status_code == 201
        digest = hashlib.sha256(SECRET.encode()).hexdigest()
        claimed = visitor.using(None).post("/operators/rita/claim", {"token_sha256": digest})
        assert claimed.status_code == 202
        seen = {"fingerprint": claimed.json()["fingerprint"]}
        assert "not confirmed yet" in problem(rita.get("/operators"), 401, "unauthenticated")["reason"]
        problem(root.post("/operators/rita/confirm", seen), 403, "forbidden")
        problem(gail.post("/operators/rita/confirm", {"fingerprint": "AAAA-AAAA-AAAA"}), 409, "conflict")
        assert gail.post("/operators/rita/confirm", seen).json()["roles"] == ["oncall"]
        assert rita.post("/desk/stop", {"reason": "a test"}).status_code == 200
        fresh = hashlib.sha256(b"pro_fresh").hexdigest()
        assert rita.post("/operators/rotate", {"token_sha256": fresh, "ttl": "90d"}).status_code == 200
        problem(rita.get("/operators"), 401, "unauthenticated")
        rita = visitor.using("pro_fresh")
        assert "rita" in {one["name"] for one in rita.get("/operators").json()["operators"]}
        assert root.post("/operators/rita/revoke", {"reason": "lost"}).json()["claimed"] is False
        problem(rita.get("/operators"), 401, "unauthenticated")
        assert root.post("/operators/rita/disable").json()["disabled_at"] is not None


def test_a_digest_is_a_digest_and_a_secret_is_refused(tmp_path: Path) -> None:
    bench = make_desk(new_store(tmp_path, FakeClock()))
    with opened(bench, tmp_path) as visitor:
        visitor.operator("root").post("/operators", {"name": "rita", "roles": ["oncall"]})
        problem(visitor.post("/operators/rita/claim", {"token_sha256": SECRET}), 422, "invalid_request")
