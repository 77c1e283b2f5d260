"""The doors do what their description says: attacked by what follows from it, none answers 5xx or says otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.api.errors import MEDIA_TYPE
from core.api.operation_ids import NAMES
from core.api.schemas import examples as request_examples
from core.api.schemas.requests import body, credentials, emails, mailboxes, runs
from core.cli.docs import pages
from core.db.store import Store
from core.demo.clock import FakeClock
from core.model import Mode
from core.operations.operation import Kind
from core.operations.registry import OPERATIONS
from core.services.sending import delivery
from core.settings import feedback_model
from tests.api.api_client import Visitor, opened
from tests.factories import effort
from tests.factories.database import new_store
from tests.factories.desk import ADDRESS, WIDE, make_desk

EXAMPLES = effort.times(2, 25)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
WAITS = "/mailboxes/{address}/wait"
"""It answers when mail comes, and here none does."""
BRAKES = ("/desk/stop", "/agents/{agent}/suspend", "/tokens/{token}/revoke")
"""Stopped, suspended or revoked, every other door would only say so."""
PEOPLE = ("agent", "alice", "gail", "olive")
USUAL = {("agent", True), ("gail", True), ("olive", False)}
"""An agent, who may change the desk and who only reads it; for things that are there and that are not."""
ASKING = [
    pytest.param(who, known, marks=[] if (who, known) in USUAL else [pytest.mark.thorough])
    for known in (True, False)
    for who in PEOPLE
]
"""Who asks, and whether for things that are there."""


@schemathesis.serializer("message/rfc822")
def as_mail(_: object, value: object) -> bytes:
    return str(value).encode(errors="replace")


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """One desk for all of it: what one example leaves behind, the next one meets."""
    directory = tmp_path_factory.mktemp("desk")
    store: Store = new_store(directory, FakeClock())
    set_up = feedback_model().model_validate({"postmark": {"token": "a-token"}})
    bench = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    store.transact(
        lambda tx: delivery.register_worker(tx, worker=1, pid=1)
    )  # somebody delivers, or it would not be ready
    with opened(bench, directory, feedback=set_up) as visitor:
        visitor.send()
        yield visitor
    store.close()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """The agent at a desk that is only asked for its description, which is made once."""
    directory = tmp_path_factory.mktemp("described")
    store = new_store(directory, FakeClock())
    with opened(make_desk(store), directory) as visitor:
        yield visitor
    store.close()


THERE = {"address": ADDRESS, "agent": "support-bot", "run": "run-1", "key": "support-bot"}


def seen(ctx: Visitor, parameter: str, old: object) -> object:
    """The name of a thing that is there, so that not everything ends at 404."""
    if parameter in ("message_id", "item"):
        return ctx.send().json()["message_id"]
    return THERE.get(parameter, old)


@pytest.mark.parametrize(("who", "known"), ASKING)
def test_doors_keep_to_their_description(ctx: Visitor, who: str, known: bool) -> None:  # noqa: FBT001 - a parameter
    described = schemathesis.openapi.from_asgi("/openapi.json", ctx.app)
    for found in described.get_all_operations():
        assert isinstance(found, Ok), "the description is not valid"
        operation = found.ok()
        if operation.path not in (*BRAKES, WAITS) and not operation.path.startswith("/v1/"):
            attack(operation, ctx, who=who, known=known)


OPERATIONS_TRIED = 1 if not effort.thorough() else 20
STREAM = "/v1/events"


def test_operations_keep_to_their_description(ctx: Visitor) -> None:
    """One route serves them all, so one operator will do; the matrix of tests/operations has the others."""
    described = schemathesis.openapi.from_asgi("/openapi.json", ctx.app)
    tried = 0
    for found in described.get_all_operations():
        assert isinstance(found, Ok), "the description is not valid"
        operation = found.ok()
        if operation.path.startswith("/v1/") and operation.path not in (STREAM, "/v1/desk.stop", "/v1/agent.suspend"):
            attack(operation, ctx, who="gail", known=False, examples=OPERATIONS_TRIED)
            tried += 1
    assert tried > 50


def attack(operation: Any, ctx: Visitor, *, who: str, known: bool, examples: int = EXAMPLES) -> None:
    """Ask one operation as its description allows, and as it does not."""
    headers = {"Authorization": f"Bearer {ctx.token if who == 'agent' else f'pro_{who}'}"}
    if operation.path == "/feedback/postmark":
        headers["X-Postroom-Token"] = "a-token"

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategies.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
    def ask(case: Any) -> None:
        if known:
            case.path_parameters = {name: seen(ctx, name, old) for name, old in (case.path_parameters or {}).items()}
        case.call_and_validate(headers=headers, checks=CHECKS)

    ask()


# --- the description itself ---------------------------------------------------------------------------------------


def operations(described_: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, route in described_["paths"].items():
        for method, operation in route.items():
            yield path, method, operation


def test_every_reference_leads_somewhere(agent: Visitor) -> None:
    text = agent.get("/openapi.json").text
    names = set(agent.get("/openapi.json").json()["components"]["schemas"])
    assert set(re.findall(r'#/components/schemas/([^"]+)', text)) <= names


def test_every_problem_is_described_as_one(agent: Visitor) -> None:
    for path, method, operation in operations(agent.get("/openapi.json").json()):
        for code, answer in operation["responses"].items():
            if int(code) >= 400 and not path.startswith("/u/"):
                assert list(answer["content"]) == [MEDIA_TYPE], (path, method, code)


def test_every_route_that_wants_a_token_says_so(agent: Visitor) -> None:
    found = agent.get("/openapi.json").json()
    for path, method, operation in operations(found):
        free = path.startswith(("/u/", "/feedback/", "/inbound/", "/attachments/", "/healthz", "/readyz", "/metrics"))
        if not free:
            assert "401" in operation["responses"], (path, method)
            assert "security" not in operation, (path, method)
    assert found["security"] == [{"token": []}]


def test_every_route_of_the_contract_is_described(agent: Visitor) -> None:
    found = {(method.upper(), path) for path, method, _ in operations(agent.get("/openapi.json").json())}
    assert found >= {
        ("POST", "/emails/send"),
        ("POST", "/emails/reply"),
        ("GET", "/emails/{message_id}"),
        ("POST", "/emails/{message_id}/cancel"),
        ("POST", "/emails/{message_id}/tags"),
        ("GET", "/mailboxes/{address}"),
        ("GET", "/mailboxes/{address}/messages"),
        ("GET", "/mailboxes/{address}/pending"),
        ("POST", "/emails/{item}/decide"),
        ("POST", "/mailboxes"),
        ("PATCH", "/mailboxes/{address}"),
        ("POST", "/runs/{run}/confirm"),
        ("GET", "/audit"),
        ("GET", "/trace/{key}"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("POST", "/feedback/ses"),
        ("POST", "/feedback/sendgrid"),
        ("POST", "/feedback/mailgun"),
        ("POST", "/feedback/postmark"),
        ("POST", "/feedback/report"),
        ("GET", "/u/{token}"),
        ("POST", "/u/{token}"),
    }


def test_every_operation_has_a_name_of_words(agent: Visitor) -> None:
    named = [operation["operationId"] for _, _, operation in operations(agent.get("/openapi.json").json())]
    assert len(set(named)) == len(named)
    assert [name for name in named if not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name)] == []


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("post", "/emails/send", "sendEmail"),
        ("post", "/emails/{message_id}/cancel", "cancelEmail"),
        ("get", "/mailboxes/{address}", "getMailbox"),
        ("post", "/emails/{item}/decide", "decideEmail"),
        ("get", "/trace/{key}", "traceMessage"),
    ],
)
def test_names_of_operations_stay_as_clients_know_them(agent: Visitor, method: str, path: str, name: str) -> None:
    assert agent.get("/openapi.json").json()["paths"][path][method]["operationId"] == name


def test_no_name_is_kept_of_a_route_that_is_gone(agent: Visitor) -> None:
    named = {operation["operationId"] for _, _, operation in operations(agent.get("/openapi.json").json())}
    assert set(NAMES.values()) <= named
    others = {one.operation_id for one in OPERATIONS.values()}
    of_providers = ("postFeedback", "postInbound")
    assert {name for name in named - set(NAMES.values()) - others if not name.startswith(of_providers)} == set()


def test_the_page_on_the_http_api_has_every_route(agent: Visitor) -> None:
    page = pages()["http-api"].read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([A-Z]+) (/[^` ]*)` \| `(\w+)` \|", page, re.MULTILINE))
    described = agent.get("/openapi.json").json()
    routes = {(method.upper(), path, one["operationId"]) for path, method, one in operations(described)}
    assert told == {one for one in routes if not (one[0] == "POST" and one[1].startswith("/v1/"))}


def test_every_operation_of_the_registry_is_described(agent: Visitor) -> None:
    described = agent.get("/openapi.json").json()["paths"]
    for name, one in OPERATIONS.items():
        route = described[f"/v1/{name}"]["post"]
        assert route["operationId"] == one.operation_id
        assert one.about in route["description"]
        sent = route["requestBody"]["content"]["application/json"]["schema"]
        assert set(sent["properties"] if sent.get("properties") else ()) == set(one.request.model_fields)
        assert ("parameters" in route) == (one.kind is Kind.ACT)


@pytest.mark.parametrize("path", ["/emails/send", "/emails/reply"])
def test_submitting_describes_its_headers(agent: Visitor, path: str) -> None:
    listed = agent.get("/openapi.json").json()["paths"][path]["post"]["parameters"]
    assert {(one["name"], one["in"]) for one in listed} == {("Idempotency-Key", "header"), ("Prefer", "header")}


def test_every_example_fits_the_schema_it_stands_beside(agent: Visitor) -> None:
    seen_ = 0
    for path, method, operation in operations(agent.get("/openapi.json").json()):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for name, example in body.get("examples", {}).items():
            try:
                jsonschema_rs.validate(body["schema"], example["value"])
            except jsonschema_rs.ValidationError as error:
                raise AssertionError((path, method, name)) from error
            seen_ += 1
    assert seen_ >= 10


def test_every_example_of_a_request_is_read(agent: Visitor) -> None:
    modules = (body, credentials, emails, mailboxes, runs)
    shapes = {name: shape for module in modules for name, shape in vars(module).items() if isinstance(shape, type)}
    for name, given_ in request_examples.EXAMPLES.items():
        for value in given_.values():
            body.read(shapes[name], json.dumps(value).encode())
