"""A desk whose master key cannot be read: every operation that needs it answers 503, and says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from core.demo.clock import FakeClock
from core.errors import Unavailable
from core.json_body import made
from core.model import Actor
from core.operations import named
from core.operations.execution import Execution, run_locally
from core.operations.operation import Resources
from core.security import key_file
from core.services.control.read_log import EntryPoint
from tests.api.api_client import opened
from tests.factories.database import new_store
from tests.factories.desk import ADDRESS, ALICE, DOMAIN, DORA, OLIVE
from tests.operations.scene import HOOK, SALES, SECRET, WHY, Json, Scene

NEEDS_THE_KEY: Final[Mapping[str, tuple[Actor, Json]]] = {
    "stream.add": (DORA, {"domain": "new-bot.acme.test", "route": "direct"}),
    "stream.set": (DORA, {"domain": DOMAIN, "route": "smtp://relay.acme.test", "password": "sesame"} | WHY),
    "stream.rotate": (DORA, {"domain": SALES, "force": True}),
    "mailbox.webhook": (OLIVE, {"address": ADDRESS, "url": HOOK, "secret": SECRET} | WHY),
    "mailbox.webhook_rotate": (OLIVE, {"address": ADDRESS, "secret": SECRET} | WHY),
    "audit.checkpoint": (ALICE, {}),
    "trace.show": (ALICE, {"key": "support-bot"}),
}


def _as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir(0o700)


FAULTS: Final[Mapping[str, tuple[Callable[[Path], object], str]]] = {
    "missing": (Path.unlink, "restore it from your backup"),
    "readable by others": (lambda file: file.chmod(0o644), "chmod 600"),
    "a folder": (_as_folder, "on the desk's host"),
    "no key": (lambda file: file.write_text("nonsense"), "on the desk's host"),
    "no text": (lambda file: file.write_bytes(b"\xff\xfe\x80"), "restore it from your backup"),
}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(new_store(tmp_path, FakeClock()), tmp_path)
    found.perform("stream.add", {"domain": SALES, "route": "direct"})
    settings = found.resources.settings
    found.resources = Resources(lambda: key_file.serving_provenance_keys(settings), settings)
    yield found
    found.store.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_desk_s_key_is_never_the_request_s(scene: Scene, fault: str) -> None:
    spoil, fix = FAULTS[fault]
    spoil(scene.resources.settings.master_key)
    for name, (who, body) in NEEDS_THE_KEY.items():
        if (fault, name) == ("readable by others", "trace.show"):
            continue  # it only reads
        operation = named(name)
        assert who.token is not None
        execution = Execution(operation, made(operation.request, body), who.token, EntryPoint.CLI, scene.resources)
        with pytest.raises(Unavailable) as refused:
            run_locally(scene.store, execution)
        assert fix in refused.value.reason, (name, refused.value.reason)
        assert refused.value.retry_after == key_file.KEY_RETRY


def test_a_gateway_answers_503_for_a_relay_s_password_as_for_a_webhook_s_secret(scene: Scene, tmp_path: Path) -> None:
    (directory := tmp_path / "gateway").mkdir()
    with opened(scene.bench, directory) as visitor:
        visitor.settings.master_key.unlink()
        for name in ("stream.set", "mailbox.webhook"):
            who, body = NEEDS_THE_KEY[name]
            answer = visitor.operator(who.name).post(f"/v1/{name}", body)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "60"), answer.text
            assert "restore it from your backup" in answer.json()["reason"]
