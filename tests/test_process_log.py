"""What a gateway's processes write into the desk's file: every line, and no secret, nor anybody's mail."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.errors import Unavailable
from core.log_file import NAME, LogFile, LogReader
from core.process_log import VARIABLE, Keeper, harmless, said

PROGRAM = """
import logging, sys
from pathlib import Path
import structlog
from core import process_log
process_log.{how}
log = structlog.get_logger("departures")
log.info("claimed", recipients=3)
log.debug("not at this level")
try:
    raise ValueError("Dear Jane, your password is swordfish")
except ValueError:
    log.exception("worker failed", message="m0k4v7x2q9d3a1")
logging.getLogger("uvicorn.error").error("bad request of %s", "jane@example.com")
logging.getLogger("uvicorn.error").info("not at this level")
"""


def run(how: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if name != VARIABLE}
    program = [sys.executable, "-c", PROGRAM.replace("{how}", how)]
    return subprocess.run(program, env=own | environment, capture_output=True, text=True, check=True, timeout=120)


def entries(directory: Path) -> list[Mapping[str, Any]]:
    return [line.entry for line in LogReader(directory / NAME).newest()][::-1]


def test_all_that_is_printed_is_in_the_file_with_its_gateway_process_and_logger(tmp_path: Path) -> None:
    how = f"log_as_gateway(Path({str(tmp_path)!r}), level='info', as_json=True, listen='127.0.0.1:8025')"
    printed = run(how).stderr
    lines = entries(tmp_path)
    assert [(one["level"], one["logger"], one["event"]) for one in lines] == [
        ("info", "departures", "claimed"),
        ("error", "departures", "worker failed"),
        ("error", "uvicorn.error", "bad request of …@example.com"),
    ]
    assert {one["process"] for one in lines} == {"gateway"}
    assert all(str(one["gateway"]).endswith(" 127.0.0.1:8025") for one in lines)
    assert lines[0]["data"] == {"recipients": 3}
    assert printed.count("\n") == 3
    assert "swordfish" in printed  # the service manager's log is the host's own, and has the whole traceback


def test_an_exception_is_its_type_and_its_place_because_its_message_may_quote_mail(tmp_path: Path) -> None:
    run(f"log_as_gateway(Path({str(tmp_path)!r}), level='info', as_json=True, listen='127.0.0.1:8025')")
    data = entries(tmp_path)[1]["data"]
    assert data["error"] == "ValueError"
    assert data["where"] == ["./<string>:11 <module>"] or data["where"][-1].endswith(":11 <module>")
    assert data["message"] == "m0k4v7x2q9d3a1"
    assert "swordfish" not in (tmp_path / NAME).read_text()


def test_a_process_that_a_gateway_started_logs_as_it_does(tmp_path: Path) -> None:
    told = '{"level": "error", "as_json": true, "gateway": "desk-a 127.0.0.1:8025"}'
    run(f"log_as_child(Path({str(tmp_path)!r}), process='egress')", **{VARIABLE: told})
    lines = entries(tmp_path)
    assert [one["event"] for one in lines] == ["worker failed", "bad request of …@example.com"]
    assert {(one["gateway"], one["process"]) for one in lines} == {("desk-a 127.0.0.1:8025", "egress")}


def test_a_process_that_nobody_told_keeps_nothing(tmp_path: Path) -> None:
    run(f"log_as_child(Path({str(tmp_path)!r}), process='egress')")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer pro_abc-DEF_123", "[removed]"),
        ("token pra_abcDEF123= was used", "token pra_[removed] was used"),
        ("https://u:pw@hooks.acme.com/x/y?key=k1&z=2 failed", "https://[removed]@hooks.acme.com/x/y?[removed] failed"),
        ("smtp password=swordfish; next", "smtp password=[removed]; next"),
        ("api_key: k1", "api_key: [removed]"),
        ("-----BEGIN PRIVATE KEY-----\nabc", "[removed]"),
        ("550 <jane.doe@example.com> unknown", "550 <…@example.com> unknown"),
        ("whsec_c2VjcmV0 is wrong", "whsec_[removed] is wrong"),
        ('{"password": "sword fish", "n": 1}', '"password": [removed], "n": 1}'),
        ("{'api_key': 'k1'}", "'api_key': [removed]}"),
        ('"jane doe"@example.com is full', "…@example.com is full"),
        ("o'jane@example.com and jane@localhost", "…@example.com and …@localhost"),
        ("cut pw\udcfc", "cut pw\\udcfc"),
    ],
)  # fmt: skip
def test_secrets_and_peoples_addresses_do_not_reach_the_file(text: str, kept: str) -> None:
    found = harmless(text)
    assert kept in found
    for secret in ("abc", "swordfish", "k1", "pw@", "jane", "c2Vj"):
        assert secret not in found


def test_of_a_very_long_text_only_the_beginning_is_looked_at_and_no_half_word_of_it() -> None:
    kept = harmless("password=" + "x" * 1_400 + " " + "z" * 150 + " jane.doe" + "e" * 10_000 + "@example.com")
    assert kept == "password=[removed] " + "z" * 150


def test_of_a_librarys_line_only_the_first_is_kept_because_asyncio_quotes_exceptions_below_it(tmp_path: Path) -> None:
    keeper = Keeper(LogFile(tmp_path / NAME), gateway="desk-a", process="gateway")
    text = "Task exception was never retrieved\nfuture: <Task exception=ValueError('Dear Jane')>"
    record = logging.LogRecord("asyncio", logging.ERROR, "", 0, text, (), None)
    keeper(logging.getLogger("asyncio"), "error", {"event": text, "level": "error", "_record": record})
    assert [one["event"] for one in entries(tmp_path)] == ["Task exception was never retrieved"]


def test_members_with_secrets_or_content_are_left_out_and_the_desks_own_addresses_stay(tmp_path: Path) -> None:
    keeper = Keeper(LogFile(tmp_path / NAME), gateway="desk-a", process="gateway")
    line = {
        "event": "x", "level": "info", "relay_password": "swordfish", "subject": "Hello", "body": "Dear you",
        "mailbox": "help@acme.com", "to": ["jane@example.com"], "nested": {"api_key": "k", "n": 1}, "at": object,
        "long": "y" * 5_000,
    }  # fmt: skip
    assert keeper(logging.getLogger("x"), "info", dict(line)) == line
    ((entry),) = entries(tmp_path)
    data = entry["data"]
    assert [data[name] for name in ("relay_password", "subject", "body")] == ["[removed]"] * 3
    assert (data["mailbox"], data["to"], data["nested"]) == (
        "help@acme.com", ["…@example.com"], {"api_key": "[removed]", "n": 1},
    )  # fmt: skip
    assert len(data["long"]) == 400


def test_our_own_sentences_and_the_systems_are_kept_of_an_exception() -> None:
    assert said(Unavailable("the database is locked")) == "Unavailable: the database is locked"
    assert said(OSError(28, "No space left on device")) == "OSError: [Errno 28] No space left on device"
    assert said(RuntimeError("Dear Jane")) == "RuntimeError"
