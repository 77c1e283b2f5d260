"""What screens read: it survives the way to another machine, and each reader gets only what they do not have yet."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db import audit_log
from core.db.store import Store
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.desk_client import reads
from core.desk_client.names import OperationName
from core.desk_client.reads import Read
from core.errors import Unavailable
from core.events import DeskRead
from core.ids import read_id
from core.operations.local_desk import LocalDesk
from core.operations.operation import Resources
from core.operations.screens import desk_figures
from core.operations.screens.desk_figures import DeskFigures
from core.services.control.read_log import EntryPoint
from core.services.feedback import suppressions
from core.services.feedback.suppressions import Entry
from core.settings import Settings
from core.views import codec
from core.views.queue import pack
from tests.factories.database import new_store
from tests.factories.desk import ALICE, KEYRING, issue, make_desk
from tests.factories.inbound import arrive, mail, received
from tests.operations.scene import Scene

READS: dict[OperationName, Read[Any]] = {one.name: one for one in vars(reads).values() if isinstance(one, Read)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = new_store(tmp_path, FakeClock())
    yield made
    made.close()


def local(store: Store, tmp_path: Path, *, name: str = "alice") -> LocalDesk:
    """The desk on its own host, for one operator's console."""
    resources = Resources(lambda: KEYRING, Settings(dir=tmp_path))
    return LocalDesk(store, resources, f"pro_{name}", entry_point=EntryPoint.CONSOLE)


def test_every_read_has_a_descriptor() -> None:
    views = {name for name in get_args(OperationName) if name.startswith("screen.")}
    assert READS.keys() == views - {"screen.open"}


def test_what_a_screen_reads_is_the_same_after_the_way_over_the_network(store: Store, tmp_path: Path) -> None:
    """Held, sent and received mail, suppressions, identities: each read finds something, and nothing of it is lost."""
    scene = Scene(store, tmp_path)
    arrive(scene.bench, mail())
    (came,) = received(store)
    store.transact(lambda tx: suppressions.add(tx, Entry("joe@example.com", source="test"), actor=ALICE))
    requests = dict(scene.requests())
    requests["screen.inbox_rows"] = {"ids": [came.id]}
    alice = local(store, tmp_path)
    for name, one in READS.items():
        view = alice.read(one, **requests[name])
        answer = codec.encode({"view": view})
        assert one.decode(answer) == view, name
        assert len(answer) > 50, (name, answer)
    for item in (came.id, read_id("m", scene.approved)):
        view = alice.read(reads.ITEM, id=item, whole=True)
        assert view.received or view.view
        assert reads.ITEM.decode(codec.encode({"view": view})) == view


def test_an_admin_sees_an_agent_without_the_people_its_runs_and_events_name(store: Store, tmp_path: Path) -> None:
    """What others are shown is logged: runs once, for page and tokens alike, and the log."""
    desk = make_desk(store)
    desk.submit("jane@example.com", run="run-1")
    issue(store, desk.agent_id, secret="pra_ann", run_key="run-1", run_user="ann@acme.com")
    alice, root = local(store, tmp_path), local(store, tmp_path, name="root")
    for reader, user in ((root, None), (alice, "ann@acme.com")):
        page = reader.read(reads.AGENT, agent="support-bot")
        assert bool(page.runs) is bool(page.events) is (user is not None)
        assert [one["user"] for one in reader.call("agent.show", agent="support-bot")["tokens"]][:1] == [user]
        assert [one["user"] for one in reader.call("token.list")["tokens"]][:1] == [user]
        assert reader.read(reads.AGENT, agent="support-bot").mailboxes == page.mailboxes
    assert alice.read(reads.EVENTS).rows
    assert alice.call("handover.show")["people"]
    with store.read() as conn:
        logged = [one.event for one in audit_log.read(conn, after=0) if isinstance(one.event, DeskRead)]
    assert [(one.actor, one.what) for one in logged] == [("alice", "runs"), ("alice", "log")]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=200))
def test_ids_are_packed_in_their_order(ids: list[int]) -> None:
    assert list(pack(array("q", ids)).ids) == ids


def test_a_hundred_thousand_ids_are_small() -> None:
    assert len(codec.encode(pack(array("q", range(10**6, 10**6 + 10**5))))) < 400_000


def test_the_answer_of_another_version_is_no_riddle() -> None:
    with pytest.raises(Unavailable, match="another version"):
        reads.QUEUE.decode(b'{"view": {"held": "many"}}')


def test_a_reading_holds_only_what_its_reader_does_not_have(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_figures, "HEAD_EVERY", 0.0)
    monkeypatch.setattr(desk_figures, "LINES_EVERY", 3_600.0)
    desk = make_desk(store)
    alice = local(store, tmp_path)
    first = alice.read(reads.LIVE)
    assert first.figures is not None
    assert [line.name for line in first.agents] == ["support-bot"]
    again = alice.read(reads.LIVE, known=first.version)
    assert (again.figures, again.agents, again.version) == (None, (), first.version)
    desk.submit("jane@example.com")
    later = alice.read(reads.LIVE, known=first.version)
    assert later.figures is not None
    assert (later.figures.held, [line.held for line in later.agents], later.order) == (1, [1], first.order)
    assert later.seq > first.seq
    stranger = alice.read(reads.LIVE, known="another-7")
    assert [line.held for line in stranger.agents] == [1]


def test_figures_do_not_go_back_to_an_older_snapshot_but_to_a_restored_log(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller who has waited for the lock may read older rows than the one before; after a restore, everybody does."""
    monkeypatch.setattr(desk_figures, "HEAD_EVERY", 0.0)
    desk, kept = make_desk(store), DeskFigures()

    def held(tx: Transaction, *, anew: bool = False) -> int:
        found = kept.changes(tx, "", anew=anew)
        assert found.figures is not None
        return found.figures.held

    def late(tx: Transaction) -> None:
        audit_log.head(tx.conn)  # from here on it reads the rows of this moment
        desk.submit("joe@example.com")
        assert store.look(held) == 2
        assert (held(tx), held(tx, anew=True)) == (2, 2)
        monkeypatch.setattr(desk_figures, "RESTORED_AFTER", 0.0)
        assert held(tx) == (1 if store.sqlite else 2)

    desk.submit("jane@example.com")
    assert store.look(held) == 1
    store.look(late)
    assert store.look(held) == 2


@pytest.mark.parametrize("busy", [False, True], ids=["few agents", "many agents"])
def test_header_needs_and_lines_count_the_same_held_mail(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, busy: bool
) -> None:
    """Mail comes between any two looks; on a busy desk the lines are not due while the header is."""
    monkeypatch.setattr(desk_figures, "HEAD_EVERY", 0.0)
    monkeypatch.setattr(desk_figures, "LINES_EVERY", 3_600.0)
    monkeypatch.setattr(desk_figures, "FEW", 0 if busy else 8)
    desk, alice = make_desk(store), local(store, tmp_path)
    shown = []
    for n in range(6):
        desk.submit(f"guest{n}@example.com")
        figures = alice.read(reads.LIVE).figures
        assert figures is not None
        shown.append(figures.held)
        assert [need.text for need in figures.needs if "waiting for review" in need.text] == [
            f"{figures.held} waiting for review"
        ]
        assert sum(line.held for line in alice.read(reads.LIVE).agents) == figures.held
    assert shown[0] == 1
    assert shown[-1] == (1 if busy else 6)
    anew = alice.read(reads.LIVE, anew=True).figures
    assert anew is not None
    assert anew.held == 6
