"""The record of identities over HTTP: the same as at the command line, for operators and nobody else."""

from __future__ import annotations

import csv
import io
import time

import pytest
from sqlalchemy import update

from core.db.tables import MAILBOX
from core.demo.clock import FakeClock
from core.durations import DAY, MINUTE, stamp
from core.serializers.inventory_csv import COLUMNS
from tests.api.api_client import JSON, Visitor, problem
from tests.factories.desk import ADDRESS, add_mailbox


def listed(visitor: Visitor, query: str = "") -> JSON:
    answer = visitor.get(f"/inventory{query}")
    assert answer.status_code == 200, answer.text
    found: JSON = answer.json()
    return found


def used(agent: Visitor) -> str | None:
    """The first identity's last use, as an operator reads it."""
    found: str | None = listed(agent.operator("alice"))["identities"][0]["last_used_at"]
    return found


def until_used(agent: Visitor, at: int) -> None:
    """Wait until the use at that time is written: nobody's answer waits for it."""
    for _ in range(2_000):
        if used(agent) == stamp(at):
            return
        time.sleep(0.01)
    raise AssertionError(f"no use at {stamp(at)} was noted, the last is {used(agent)}")


@pytest.mark.parametrize("who", ["alice", "gail", "olive", "dora", "root"])
def test_every_operator_reads_the_record(agent: Visitor, who: str) -> None:
    found = listed(agent.operator(who))
    (one,) = found["identities"]
    assert (one["mailbox"], one["agent"], one["owner"], one["last_drill_result"]) == (
        ADDRESS, "support-bot", "olive", "never",
    )  # fmt: skip
    assert {each["code"] for each in one["findings"]} >= {"never_drilled"}
    assert all(each["text"] and each["fix"] for each in one["findings"])
    assert found["next_cursor"] is None
    assert set(COLUMNS) - set(one) == {"credential_ids", "credential_type"}, "JSON nests what these columns spell flat"


def test_neither_an_agent_nor_a_stranger_reads_it(agent: Visitor) -> None:
    for path in ("/inventory", "/inventory?format=csv"):
        problem(agent.get(path), 403, "insufficient_scope")
        problem(agent.using(None).get(path), 401, "unauthenticated")
        problem(agent.using("pro_stranger").get(path), 401, "unauthenticated")


def test_it_comes_as_csv_with_a_name_to_save_it_under(agent: Visitor) -> None:
    bench = agent.bench
    bench.store.transact(lambda tx: tx.write(update(MAILBOX).values(purpose="=cmd|' /C calc'!A0")))
    answer = agent.operator("alice").get("/inventory?format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert ".csv" in answer.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert list(row) == list(COLUMNS)
    assert (row["mailbox"], row["credential_count"]) == (ADDRESS, "1")
    assert row["purpose"] == "'=cmd|' /C calc'!A0"


def test_pages_of_json_follow_each_other(agent: Visitor) -> None:
    bench = agent.bench
    for number in range(4):
        bench.store.transact(
            lambda tx, number=number: add_mailbox(  # type: ignore[misc]  # a loop's lambda
                tx, agent=f"a{number}", address=f"a{number}@x.test", stream=bench.stream_id
            )
        )
    alice, seen, query = agent.operator("alice"), [], "?limit=2"
    while query:
        found = listed(alice, query)
        assert len(found["identities"]) <= 2
        seen += [one["mailbox"] for one in found["identities"]]
        query = f"?limit=2&cursor={found['next_cursor']}" if found["next_cursor"] else ""
    assert seen == [*(f"a{number}@x.test" for number in range(4)), ADDRESS]
    lines = alice.get("/inventory?format=csv&limit=2").text.splitlines()
    assert len(lines) == 6, "CSV is the whole record"


def test_what_cannot_be_asked_for_is_refused(agent: Visitor) -> None:
    alice = agent.operator("alice")
    for query in ("?format=xml", "?limit=0", "?limit=x", "?cursor=%00"):
        problem(alice.get(f"/inventory{query}"), 422, "invalid_request")


def test_the_last_use_of_a_token_is_known_to_the_minute_whatever_it_was_used_for(
    agent: Visitor, clock: FakeClock
) -> None:
    assert used(agent) is None
    first = clock.now()
    assert agent.get(f"/mailboxes/{ADDRESS}").status_code == 200
    until_used(agent, first)
    clock.advance(micros=MINUTE - 1)
    assert agent.send().status_code == 202
    assert used(agent) == stamp(first), "no write for each request"
    clock.advance(micros=1)
    second = clock.now()
    assert agent.send().status_code == 202
    until_used(agent, second)


def test_a_token_that_opens_nothing_is_not_used(agent: Visitor, clock: FakeClock) -> None:
    clock.advance(micros=400 * DAY)
    problem(agent.send(), 401, "unauthenticated")
    problem(agent.using("pra_stranger").send(), 401, "unauthenticated")
    # The next write is behind whatever those had left with the writer.
    agent.operator("alice").post("/desk/stop", {"reason": "a drill"})
    assert used(agent) is None
