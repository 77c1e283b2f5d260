"""What the desk tells an agent that has only its address: public, cacheable, and true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from core.api import app as api_app
from core.api.routes import agent_guide
from core.api.schemas.requests.body import read
from core.api.schemas.requests.emails import SendRequest
from core.api.schemas.requests.enrolment import ClaimTokenRequest, EnrolmentRequest
from core.db.store import Store
from core.model import Status
from tests.api.api_client import Visitor, opened
from tests.factories.desk import make_desk

URL = "https://mail.example.org/desk"
PAGE = agent_guide.skill(URL)


@pytest.mark.parametrize("path", ["/skill.md", "/llms.txt"])
def test_both_are_public_on_both_listeners_with_the_desks_own_url(
    sqlite_store: Store, tmp_path: Path, path: str
) -> None:
    with opened(make_desk(sqlite_store), tmp_path, public_url=f"{URL}/") as visitor:
        stranger = visitor.using(None)
        answer = stranger.get(path)
        assert answer.status_code == 200
        assert f"{URL}/" in answer.text
        assert agent_guide.EXAMPLE not in answer.text
        assert answer.headers["cache-control"].startswith("public")
        again = stranger.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        outside = stranger.at(api_app.public(visitor.desk, visitor.settings))
        assert outside.get(path).text == answer.text


def test_every_route_of_the_page_is_there(agent: Visitor) -> None:
    described = {re.sub(r"\{[^}]*\}", "{}", path) for path in agent.get("/openapi.json").json()["paths"]}
    told = re.findall(r"(?:GET|POST) (/[^`? ]*)|" + re.escape(URL) + r"(/(?:enrolment|emails)[^ `]*)", PAGE)
    paths = {re.sub(r"\{[^}]*\}|\$ID", "{}", one or other) for one, other in told}
    assert len(paths) >= 6
    assert paths - described == set()


def test_every_body_of_the_page_is_one_that_the_desk_takes() -> None:
    bodies = [json.loads(one.replace("'\"$DIGEST\"'", "ab" * 32).replace("'\"$SECRET\"'", "s" * 64))
              for one in re.findall(r"-d '(\{.*?\})'(?:\n|$)", PAGE, re.DOTALL)]  # fmt: skip
    assert len(bodies) == 3
    asked, claimed, sent = (json.dumps(body).encode() for body in bodies)
    assert read(EnrolmentRequest, asked).allow
    assert read(ClaimTokenRequest, claimed).claim_secret
    assert read(SendRequest, sent).to


def test_every_status_of_the_page_is_one_that_a_message_can_have() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| [0-9-]", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"[a-z_]+", row)}
    assert named - {*map(str, Status), "rate_limited"} == set()
    assert "held, not failed" in PAGE
