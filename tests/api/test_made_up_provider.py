"""A provider is one module: put into the package, it works in feedback, settings, DNS, doctor and what leaves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from core import dns_check
from core.db.store import Store
from core.db.tables import SUPPRESSION
from core.errors import Invalid
from core.model import Mode
from core.rules import providers as package
from core.rules.providers import registry
from core.settings import feedback_model, load
from tests.api.api_client import opened, problem
from tests.cli.cli_runner import DOMAIN, Clerk, founded
from tests.factories.delivery import events, leave
from tests.factories.desk import WIDE, make_desk

MODULE = """
import re
from pydantic import SecretStr
from core.rules.providers.provider import (
    METADATA, Forged, Genuine, Inbound, Provider, ProviderEvent, ProviderSettings, Relay, Webhook,
)
from core.rules.providers.payload import key, mailbox, parse, same, table
from core.model import Feedback


class Pigeons(ProviderSettings):
    secret: SecretStr | None = None

    @property
    def connected(self):
        return self.secret is not None


def verify(webhook, settings, *, now, fetched):
    wanted = settings.secret.get_secret_value() if settings.secret else ""
    return Genuine() if wanted and same(webhook.headers.get("x-pigeon", ""), wanted) else Forged("no such pigeon")


def read(webhook):
    row = table(parse(webhook.body), "body")
    return (
        ProviderEvent(
            key=key("pigeonpost", row.get("id")), name="Lost", event=Feedback.BOUNCED, recipient=mailbox(row.get("to")),
            permanent=True, provider_message_id=row.get("id"),
        ),
    )


PROVIDER = Provider(
    name="pigeonpost", title="Pigeon Post", settings=Pigeons, verify=verify, read=read,
    relay=Relay(
        rewrites=frozenset({"date"}), field="X-Pigeon-Ring", spf=("include:spf.pigeonpost.example",),
        hosts=re.compile(r"smtp\\.pigeonpost\\.example"), orders=("x-pigeon-",),
    ),
    inbound=Inbound(verify=verify, read=lambda webhook: None, media=frozenset({"message/rfc822"}), most=1 << 20),
)
"""


@pytest.fixture(autouse=True)
def pigeonpost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module, where the package finds its modules."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "pigeonpost.py").write_text(MODULE)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    monkeypatch.setattr(registry, "PROVIDERS", registry.discover())
    yield
    sys.modules.pop(f"{package.__name__}.pigeonpost", None)


def test_its_webhook_is_believed_by_its_own_proof_and_read_by_its_own_words(
    sqlite_store: Store, tmp_path: Path
) -> None:
    configured = feedback_model().model_validate({"pigeonpost": {"secret": "coo"}})
    with opened(make_desk(sqlite_store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path, feedback=configured) as visitor:
        leave(visitor.bench, "jane@example.com", provider_id="p-1")
        stranger = visitor.using(None)
        lost = {"id": "p-1", "to": "jane@example.com"}
        told = problem(stranger.post("/feedback/pigeonpost", lost, headers={"X-Pigeon": "x"}), 401, "unauthenticated")
        assert "[feedback.pigeonpost]" in told["fix"]
        (event,) = events(sqlite_store, "feedback.unverified")
        assert event.data()["source"] == "pigeonpost"
        answer = stranger.post("/feedback/pigeonpost", lost, headers={"X-Pigeon": "coo"})
        assert answer.json() == {"events": 1, "matched": 1, "fresh": 1}
        assert [row.source for row in sqlite_store.rows(select(SUPPRESSION))] == ["pigeonpost"]
        refused = problem(visitor.send(headers={"X-Pigeon-Speed": "fast"}), 422, "invalid_request")
        assert refused["errors"][0]["field"] == "headers['X-Pigeon-Speed']"
        described = visitor.get("/openapi.json").json()["paths"]["/feedback/pigeonpost"]["post"]
        assert described["description"] == "Pigeon Post's webhook."


@pytest.fixture
def clerk(tmp_path: Path) -> Clerk:
    return founded(tmp_path / "desk")


@pytest.mark.parametrize("named", [("--provider", "pigeonpost"), ()], ids=["named", "known by its host"])
def test_stream_dns_names_it_in_spf_and_doctor_asks_for_its_settings(
    clerk: Clerk, named: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns_check, "PATIENCE", 0.1)
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://smtp.pigeonpost.example:587", *named, who="dora")
    assert clerk.ok("stream", "show", DOMAIN)["provider"] == "pigeonpost"
    spf = [one["value"] for one in clerk.ok("stream", "dns", DOMAIN)["records"] if one["value"].startswith("v=spf1")]
    assert spf == ["v=spf1 include:spf.pigeonpost.example -all"] * 2
    assert feedback(clerk) == ("warn", "set [feedback.pigeonpost] in postroom.toml: postroom docs pigeonpost")
    file = clerk.directory / "postroom.toml"
    file.write_text(f'{file.read_text()}\n[feedback.pigeonpost]\nsecret = "coo"\n')
    assert feedback(clerk) == ("ok", None)


def feedback(clerk: Clerk) -> tuple[str, str | None]:
    checks = clerk.run("doctor", "--json").json["checks"]
    (found,) = [one for one in checks if (one["check"], one["about"]) == ("feedback", DOMAIN)]
    return found["grade"], found["fix"]


def test_its_settings_come_from_the_file_and_the_environment_and_a_wrong_key_is_refused(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = registry.PROVIDERS["pigeonpost"]
    assert not load(clerk.directory).feedback.of(provider).connected
    monkeypatch.setenv("POSTROOM_FEEDBACK__PIGEONPOST__SECRET", "coo")
    assert load(clerk.directory).feedback.of(provider).connected
    monkeypatch.setenv("POSTROOM_FEEDBACK__PIGEONPOST__FEATHER", "white")
    with pytest.raises(Invalid, match=r"feedback\.pigeonpost\.feather"):
        load(clerk.directory)


def test_what_it_rewrites_is_not_signed_and_its_metadata_field_is_set() -> None:
    found = registry.relay("pigeonpost")
    assert found.rewrites == {"date"}
    assert found.metadata("m1") == b"X-Pigeon-Ring: m1\r\n"
