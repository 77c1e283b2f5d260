"""An auditor's archive: checked with the standard library alone, and found out when anything in it was touched."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.db.store import Store
from core.durations import DAY, HOUR
from core.errors import Invalid, NotFound
from core.events import CATALOGUE, MailboxModeChanged
from core.ids import read_id, spell_id
from core.rules.issuance import CHECKLISTS, Kind
from core.rules.policy import Policy
from core.security.encryption import new_key_pair
from core.services.audit import checkpoints
from core.services.audit.checkpoints import Checkpoint
from core.services.audit.compliance_map import ROWS
from core.services.audit.evidence_bundle import bundle
from core.services.control import policy, received_retention
from core.services.sending import review
from core.services.sending.review import Decision
from tests.factories.desk import ALICE, GAIL, WIDE, Bench, add_mailbox, leave, make_desk
from tests.factories.inbound import arrive, mail, received
from tests.factories.records import add_keys, request, sign

PAIR = new_key_pair("ed25519")


def worked(store: Store) -> tuple[Bench, Checkpoint]:
    """A desk with a morning's decisions, a mode change, another agent's event and a checkpoint."""
    desk = make_desk(store, **WIDE)
    for n in range(3):
        item = read_id("m", desk.submit(f"u{n}@example.com", subject="Secret subject").message_id or "") or 0
        store.transact(lambda tx, one=item: review.opened(tx, one, actor=ALICE))  # type: ignore[misc]  # bound now
        store.clock.advance(seconds=20)  # type: ignore[attr-defined]  # the tests' clock
        decision = Decision(item, approve=n != 1, reason='=HYPERLINK("x")' if n == 1 else None)
        store.transact(lambda tx, one=decision: review.decide(tx, one, actor=ALICE))  # type: ignore[misc]  # bound now
    agent, box = store.transact(
        lambda tx: add_mailbox(tx, agent="quote-bot", address="q@support-bot.acme.test", stream=desk.stream_id)
    )
    changed = MailboxModeChanged(
        actor="alice", mailbox=box, agent=agent, old="gated_send", new="gated_all", reason="noise — and ünïcode\x01"
    )
    store.transact(lambda tx: leave(tx, changed))
    made = store.transact(lambda tx: checkpoints.take(tx, private=PAIR.private))
    assert made is not None
    return desk, made


def made(store: Store, **more: Any) -> bytes:
    now = store.clock.now()
    with store.read() as conn:
        return bundle(conn, **({"since": now - DAY, "until": now + 1, "now": now} | more))


def members(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def check(folder: Path, files: dict[str, bytes], *more: str) -> subprocess.CompletedProcess[str]:
    """Run the bundle's own program, isolated from everything that is installed."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    program = [sys.executable, "-I", "-S", str(folder / "verify.py"), *more]
    return subprocess.run(program, capture_output=True, text=True, check=False, cwd=folder)


def test_a_bundle_proves_itself_offline(store: Store, tmp_path: Path) -> None:
    worked(store)
    found = check(tmp_path, members(made(store)), "--key", PAIR.public)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout
    assert "13 entries in one chain, 13 of them in full" in found.stdout
    assert "signed by the key you gave" in found.stdout


def test_a_zipped_bundle_is_checked_as_it_came(store: Store, tmp_path: Path) -> None:
    worked(store)
    raw = made(store)
    (tmp_path / "bundle.zip").write_bytes(raw)
    (tmp_path / "verify.py").write_bytes(members(raw)["verify.py"])
    assert check(tmp_path, {}, "bundle.zip").returncode == 0


def test_a_bundle_of_one_agent_keeps_the_chain_without_the_others_events(store: Store, tmp_path: Path) -> None:
    worked(store)
    files = members(made(store, agent="support-bot"))
    assert b"quote-bot" not in files["events.jsonl"] + files["modes.csv"]
    found = check(tmp_path, files)
    assert found.returncode == 0, found.stdout
    assert "13 entries in one chain, 12 of them in full" in found.stdout


def test_a_fresh_checkpoint_covers_the_last_entry(store: Store, tmp_path: Path) -> None:
    desk, _ = worked(store)
    desk.submit()
    fresh = store.transact(lambda tx: checkpoints.take(tx, private=PAIR.private))
    found = check(tmp_path, members(made(store, checkpoint=fresh)))
    assert "the last covers entry 15" in found.stdout


def edit(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new, 1)

    return change


def drop_line(name: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files[name] = b"\n".join(files[name].split(b"\n")[1:])

    return change


@pytest.mark.parametrize(
    "change",
    [
        edit("events.jsonl", b'"actor":"alice"', b'"actor":"mallory"'),
        edit("events.jsonl", b'"data":{"content_class":"t', b'"data":{"content_class":"T'),
        edit("decisions.csv", b",alice,", b",mallory,"),
        edit("figures.json", b'"email.approved": 2', b'"email.approved": 3'),
        edit("proof.json", b'"seq": 12', b'"seq": 11'),
        drop_line("events.jsonl"),
        drop_line("chain.txt"),
    ],
)
def test_a_touched_bundle_is_found_out_even_with_its_manifest_made_anew(
    store: Store, tmp_path: Path, change: Callable[[dict[str, bytes]], None]
) -> None:
    worked(store)
    files = members(made(store))
    change(files)
    assert check(tmp_path, files).returncode == 1
    del files["manifest.json"]
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    files["manifest.json"] = json.dumps({"sha256": digests}).encode()
    found = check(tmp_path, files)
    assert found.returncode == 1
    assert found.stdout.splitlines()[-1].startswith("BAD")


def test_a_signature_that_was_made_better_than_it_was_is_found_out(store: Store, tmp_path: Path) -> None:
    desk, _ = worked(store)
    store.transact(lambda tx: add_keys(tx, desk.stream_id))
    request(store)
    sign(store, Kind.OWNER)
    sign(store, Kind.DELIVERABILITY, affirmed=[item.code for item in CHECKLISTS[Kind.DELIVERABILITY]])
    files = members(made(store))
    assert check(tmp_path, files).returncode == 0
    rows = list(csv.DictReader(io.StringIO(files["signatures.csv"].decode(), newline="")))
    assert {row["item"] for row in rows if row["kind"] == "owner"} == {item.code for item in CHECKLISTS[Kind.OWNER]}
    for old, new in ((b",override,", b",desk,"), (b"sales-bot and support-bot", b"sales-bot and nobody")):
        changed = dict(files)
        edit("signatures.csv", old, new)(changed)
        del changed["manifest.json"]
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in changed.items()}
        changed["manifest.json"] = json.dumps({"sha256": digests}).encode()
        found = check(tmp_path, changed)
        assert (found.returncode, "signatures.csv does not say" in found.stdout) == (1, True)


def test_another_key_is_found_out(store: Store, tmp_path: Path) -> None:
    worked(store)
    found = check(tmp_path, members(made(store)), "--key", new_key_pair("ed25519").public)
    assert found.returncode == 1
    assert "another key" in found.stdout


def test_decisions_name_who_when_and_how_long(store: Store) -> None:
    worked(store)
    rows = list(csv.DictReader(io.StringIO(members(made(store))["decisions.csv"].decode(), newline="")))
    assert [(row["event"], row["by"], row["dwell_ms"]) for row in rows] == [
        ("email.approved", "alice", "20000"),
        ("email.rejected", "alice", "20000"),
        ("email.approved", "alice", "20000"),
    ]
    assert rows[1]["reason"].startswith("'=")
    assert len(rows[0]["digest"]) == 64


def test_modes_say_what_was_in_force_when_the_period_began(store: Store) -> None:
    worked(store)
    start = store.clock.now() + HOUR
    rows = members(made(store, since=start, until=start + DAY))["modes.csv"].decode().splitlines()
    assert len(rows) == 1 or "in force when the period began" in rows[1]
    inside = members(made(store))["modes.csv"].decode()
    assert "gated_send,gated_all,alice" in inside


def test_the_bundle_holds_policies_figures_and_no_person(store: Store) -> None:
    worked(store)
    files = members(made(store))
    assert "policies/version-1.json" in files
    assert json.loads(files["figures.json"])["decisions_by_person"] == {"alice": 3}
    whole = b"".join(files.values())
    assert b"u0@example.com" not in whole
    assert b"Secret subject" not in whole


def test_the_bundle_holds_no_credential_of_the_policies(store: Store) -> None:
    worked(store)
    telling = Policy.model_validate({"notify": {"urls": ("slack://xoxb-secret/channel",)}})
    store.transact(lambda tx: policy.apply_policy(tx, telling, reason="tell us", actor=GAIL))
    whole = members(made(store))
    assert b"slack://..." in whole["policies/version-2.json"]
    assert not [name for name, content in whole.items() if b"xoxb-secret" in content]


def test_the_mapping_names_events_there_are_and_says_none_otherwise(store: Store) -> None:
    assert {name for row in ROWS for name in row.types} <= set(CATALOGUE)
    worked(store)
    mapping = members(made(store))["MAPPING.md"].decode()
    assert "email.approved 2" in mapping
    stops = next(line for line in mapping.splitlines() if "Art. 14(4)(e)" in line)
    assert "| none |" in stops


def test_an_empty_period_makes_an_empty_bundle_that_holds(store: Store, tmp_path: Path) -> None:
    worked(store)
    late = store.clock.now() + DAY
    found = check(tmp_path, members(made(store, since=late, until=late + DAY)))
    assert found.returncode == 0, found.stdout
    assert "0 entries" in found.stdout


def test_a_period_is_cut_at_its_ends(store: Store) -> None:
    desk, _ = worked(store)
    begun = store.clock.now() + HOUR
    store.clock.advance(seconds=7_200)  # type: ignore[attr-defined]  # the tests' clock
    desk.submit()
    events = members(made(store, since=begun))["events.jsonl"].decode().splitlines()
    assert [json.loads(line)["type"] for line in events] == ["email.submitted", "email.pending"]


def test_the_same_period_makes_the_same_bytes(store: Store) -> None:
    worked(store)
    assert made(store) == made(store)


def test_what_cannot_be_bundled_is_refused(store: Store) -> None:
    worked(store)
    with pytest.raises(NotFound):
        made(store, agent="nobody")
    with pytest.raises(Invalid):
        made(store, since=store.clock.now() + DAY)


def test_received_mail_is_in_the_bundle_with_its_digest_and_on_demand_with_its_bytes(
    store: Store, tmp_path: Path
) -> None:
    desk = make_desk(store, **WIDE)
    arrive(desk, mail("Yes, please."))
    arrive(desk, mail("No.", message_id="<q2@example.com>"))
    kept, gone = received(store)
    store.transact(lambda tx: received_retention.empty(tx, [gone.content_id]))
    files = members(made(store, received_mail=True))
    named = f"received/{spell_id('m', kept.id)}.eml"
    assert [name for name in files if name.startswith("received/")] == [named]
    found = check(tmp_path, files)
    assert found.returncode == 0, found.stdout
    assert "2 received messages (1 with their bytes)" in found.stdout
    for name, old, new in ((named, b"Yes", b"No!"), ("received.csv", b"lmtp", b"lmtx")):
        altered = files | {name: files[name].replace(old, new)}
        manifest = {"sha256": {one: hashlib.sha256(raw).hexdigest() for one, raw in altered.items()}}
        manifest["sha256"].pop("manifest.json")
        altered["manifest.json"] = json.dumps(manifest).encode()
        assert check(tmp_path, altered).returncode == 1, name
    assert not any(name.startswith("received/") for name in members(made(store))), "mail itself only on demand"
