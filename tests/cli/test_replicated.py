"""Commands on a desk whose PostgreSQL has a standby: its URL names both servers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.cli_runner import Clerk
from tests.factories import replication
from tests.factories.replication import Server

pytestmark = pytest.mark.slow


def founded(directory: Path, database: str) -> Clerk:
    clerk = Clerk(directory)
    clerk.tokens = {one["name"]: one["token"] for one in clerk.ok("init", "--database", database)["operators"]}
    clerk.reader = "victor"
    return clerk


def graded(clerk: Clerk) -> dict[str, tuple[str, str]]:
    """What is found about the database's durability: setting or part -> (grade, fix)."""
    checks = clerk.run("doctor", "--json").json["checks"]
    found = {one["about"]: (one["grade"], one["fix"]) for one in checks if one["check"] == "database"}
    found.pop("")
    return found


def test_settings_that_lose_mail_in_a_crash_fail(empty_database: Callable[[], str], tmp_path: Path) -> None:
    clerk = founded(tmp_path / "desk", empty_database())
    found = graded(clerk)  # the tests' own server never waits for the disk
    assert {name: grade for name, (grade, _) in found.items()} == dict.fromkeys(
        ["fsync", "full_page_writes", "synchronous_commit"], "fail"
    )
    assert 'ALTER SYSTEM SET synchronous_commit = on"' in found["synchronous_commit"][1]


@pytest.mark.usefixtures("postgresql_programs")
def test_a_desk_on_two_servers_is_made_checked_backed_up_and_restored(cluster: list[Server], tmp_path: Path) -> None:
    primary = cluster[0]
    cluster.append(primary.standby(tmp_path / "servers" / "second"))
    # commands as an operator types them: whichever server is named first
    url = replication.url(list(reversed(cluster)), "desk").partition("?")[0]
    clerk = founded(tmp_path / "desk", url)
    assert "synchronous_commit" not in graded(clerk)
    assert "standby" not in graded(clerk)

    primary.set("synchronous_standby_names = ''")
    primary.ask("SELECT pg_reload_conf()")
    primary.until("SHOW synchronous_standby_names", "")
    grade, fix = graded(clerk)["standby"]
    assert grade == "warn"
    for statement in fix.split('"')[1::2]:  # the fix, as it is copied
        primary.ask(statement)
    primary.until("SHOW synchronous_standby_names", "ANY 1 (*)")
    assert "standby" not in graded(clerk)

    primary.ask("ALTER ROLE postgres SET statement_timeout = '30s'")
    assert graded(clerk)["statement_timeout"][0] == "warn"
    primary.ask("ALTER ROLE postgres RESET statement_timeout")

    clerk.ok("backup", str(tmp_path / "desk.zip"))
    primary.ask("CREATE DATABASE another")
    back = Clerk(tmp_path / "back", dict(clerk.tokens), "victor")
    key = str(clerk.directory / "master.key")
    back.ok(
        "restore", str(tmp_path / "desk.zip"), "--master-key", key, "--database", replication.url(cluster, "another")
    )
    assert back.ok("audit", "verify")["ok"] is True
