"""Check an evidence bundle with Python's standard library alone: python3 verify.py [BUNDLE.zip | FOLDER] [--key KEY].

Four questions: is every file the one the manifest names; does the hash chain hold over every entry; do the tables
(decisions, received mail, figures) agree with the events; does a signed checkpoint vouch for the chain, under the key
given with --key. This file is self-contained: it is copied into each bundle and imports nothing from the gateway that
wrote it.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Read = Callable[[str], bytes]
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's

# --- Ed25519 (RFC 8032 5.1.7), slow and short: it checks a handful of signatures ------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)
Point = tuple[int, int]


def add(a: Point, b: Point) -> Point:
    product = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, -1, P) % P
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P) % P
    return x, y


def multiply(times: int, point: Point) -> Point:
    result = (0, 1)
    while times:
        if times & 1:
            result = add(result, point)
        point = add(point, point)
        times >>= 1
    return result


def decompress(octets: bytes) -> Point | None:
    y = int.from_bytes(octets, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return (P - x if x & 1 != sign else x), y


def signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this key signed this message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, nonce = decompress(public), decompress(signature[:32])
    scale = int.from_bytes(signature[32:], "little")
    base = decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    if key is None or nonce is None or base is None or scale >= ORDER:
        return False
    digest = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    return multiply(scale, base) == add(nonce, multiply(digest, key))


# --- the chain ------------------------------------------------------------------------------------------------------


def entry_hash(prev: bytes, entry: dict[str, Any]) -> str:
    """SHA-256 over the previous hash and an unambiguous encoding of the entry; `raw` is its data, byte for byte."""
    head = [entry["seq"], entry["at"], entry["type"], entry["actor"], entry["subjects"]]
    encoded = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    return hashlib.sha256(prev + str(len(encoded)).encode() + b":" + encoded + entry["raw"].encode()).hexdigest()


def shown_id(entry: dict[str, Any]) -> str | None:
    """The ID that the desk's `trace` accepts for the message, held read or tag that an entry is about."""
    prefix, number = "m", entry["subjects"][0]
    if number is None and entry["type"].startswith("email."):
        prefix, number = "a", entry["data"].get("item")
    if not isinstance(number, int):
        return None
    return prefix + "".join(
        "0123456789abcdefghjkmnpqrstvwxyz"[number >> 5 * place & 31] for place in reversed(range(13))
    )


def entries(read: Read) -> Iterator[dict[str, Any]]:
    for line in read("events.jsonl").decode().split("\n"):
        if line:
            yield json.loads(line)


def links(read: Read, proof: dict[str, Any]) -> dict[int, str]:
    """Map seq to hash for every entry of the period, including those omitted from a bundle about one agent."""
    found = {}
    for line in read("chain.txt").decode().splitlines():
        seq, _, own_hash = line.partition(" ")
        found[int(seq)] = own_hash
    expected = list(range(proof["first_seq"], proof["last_seq"] + 1)) if proof["last_seq"] else []
    if list(found) != expected:
        raise ValueError("chain.txt does not name every entry of the period once, in order")
    return found


def check_chain(read: Read, proof: dict[str, Any]) -> str:
    chain = links(read, proof)
    last = 0
    for entry in entries(read):
        seq = entry["seq"]
        prev = chain.get(seq - 1, proof["prev"])
        if seq <= last or seq not in chain:
            raise ValueError(f"entry {seq} is out of place")
        if entry_hash(bytes.fromhex(prev), entry) != chain[seq] or entry["hash"] != chain[seq]:
            raise ValueError(f"entry {seq} is not what its hash says")
        if json.loads(entry["raw"]) != entry["data"]:
            raise ValueError(f"entry {seq} shows other data than was hashed")
        if entry["id"] != shown_id(entry):
            raise ValueError(f"entry {seq} shows another id than was hashed")
        last = seq
    if chain and chain[proof["last_seq"]] != proof["head"]:
        raise ValueError("the head of the chain is not the one in proof.json")
    return f"{len(chain):,} entries in one chain, {proof['events']:,} of them in full"


def check_checkpoints(read: Read, proof: dict[str, Any], key: str | None) -> str:
    chain, covered = links(read, proof), []
    for made in proof["checkpoints"]:
        payload = f"postroom/checkpoint/1\n{made['seq']}\n{made['head']}\n{made['at']}\n".encode()
        if not signed(base64.b64decode(made["key"]), payload, base64.b64decode(made["signature"])):
            raise ValueError(f"the checkpoint of entry {made['seq']} is not signed by the key it names")
        if key is not None and made["key"] != key:
            raise ValueError(f"the checkpoint of entry {made['seq']} is signed by another key: {made['key']}")
        if made["seq"] in chain:
            if chain[made["seq"]] != made["head"]:
                raise ValueError(f"entry {made['seq']} is not what was signed")
            covered.append(made["seq"])
    if not covered:
        return "none covers this period: the chain proves that it holds together, not who wrote it"
    signer = "the key you gave" if key else f"key {proof['checkpoints'][-1]['key']} (compare it with the one you noted)"
    return f"{len(covered)} signed by {signer}, the last covers entry {max(covered):,}"


# --- the tables -----------------------------------------------------------------------------------------------------


def check_tables(read: Read, _proof: dict[str, Any]) -> str:
    counted: dict[str, int] = {}
    actors: dict[tuple[int, str], str] = {}
    for entry in entries(read):
        counted[entry["type"]] = counted.get(entry["type"], 0) + 1
        actors[entry["seq"], entry["type"]] = entry["actor"]
    if json.loads(read("figures.json"))["events_by_type"] != dict(sorted(counted.items())):
        raise ValueError("figures.json does not count what events.jsonl holds")
    rows = list(csv.DictReader(io.StringIO(read("decisions.csv").decode(), newline="")))
    for row in rows:
        if actors.get((int(row["seq"]), row["event"])) != row["by"].removeprefix("'"):
            raise ValueError(f"decisions.csv, seq {row['seq']}: the log says otherwise")
    signatures, received = check_signatures(read), check_received(read)
    return f"{len(rows):,} decisions, {signatures:,} signed items, {received} and the figures agree with the events"


SIGNATURES = ("mailbox.owner_approved", "mailbox.governance_approved", "mailbox.signed_off", "mailbox.vetoed")


def check_signatures(read: Read) -> int:
    """Check that signatures.csv says what the log says of each item, and that no line is missing."""
    expected: list[tuple[str, ...]] = []
    for entry in entries(read):
        if entry["type"] in SIGNATURES:
            data = entry["data"]
            items = data.get("checklist") or {"": ""}
            details = [data.get("found_false") or {}, data.get("reasons") or {}]
            expected += [
                (str(entry["seq"]), entry["type"], entry["actor"], item, by, *(one.get(item, "") for one in details))
                for item, by in items.items()
            ]
    rows = list(csv.DictReader(io.StringIO(read("signatures.csv").decode(), newline="")))
    names = ("seq", "event", "by", "item", "answered_by", "desk_found_false", "item_reason")
    written = [tuple(row[name].removeprefix("'") for name in names) for row in rows]
    if written != [tuple(one.removeprefix("'") for one in line) for line in expected]:
        raise ValueError("signatures.csv does not say what events.jsonl holds")
    return len(rows)


TOLD = ("source", "digest", "size", "attachments", "dmarc", "held")


def check_received(read: Read) -> str:
    """Check that received.csv says what the log says, and that each message in the bundle is the one that came."""
    expected = [
        (str(entry["seq"]), entry["id"], *(str(entry["data"][name]) for name in TOLD))
        for entry in entries(read)
        if entry["type"] == "email.received"
    ]
    rows = list(csv.DictReader(io.StringIO(read("received.csv").decode(), newline="")))
    if [(row["seq"], row["message"], *(row[name] for name in TOLD)) for row in rows] != expected:
        raise ValueError("received.csv does not say what events.jsonl holds")
    files = [row for row in rows if row["file"]]
    for row in files:
        if hashlib.sha256(read(row["file"])).hexdigest() != row["digest"]:
            raise ValueError(f"{row['file']} is not the message that was received")
    return f"{len(rows):,} received messages ({len(files):,} with their bytes)"


def check_files(read: Read, _proof: dict[str, Any]) -> str:
    manifest = json.loads(read("manifest.json"))
    for name, digest in manifest["sha256"].items():
        if hashlib.sha256(read(name)).hexdigest() != digest:
            raise ValueError(f"{name} is not the file that the manifest names")
    return f"{len(manifest['sha256'])} files are those of the manifest"


def opened(path: Path) -> Read:
    """Return a function that reads a member of the bundle, zipped or unpacked."""
    if path.is_dir():
        return lambda name: (path / name).read_bytes()
    return zipfile.ZipFile(path).read


def main() -> int:
    parser = argparse.ArgumentParser(description="Check an evidence bundle.")
    parser.add_argument("bundle", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--key", help="the desk's public key, as you noted it outside of the bundle")
    options = parser.parse_args()
    read = opened(Path(options.bundle))
    try:
        proof = json.loads(read("proof.json"))
        for name, check in (("files", check_files), ("chain", check_chain), ("tables", check_tables)):
            sys.stdout.write(f"ok  {name}: {check(read, proof)}\n")
        sys.stdout.write(f"ok  checkpoints: {check_checkpoints(read, proof, options.key)}\n")
    except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile) as error:
        sys.stdout.write(f"BAD {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
