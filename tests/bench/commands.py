"""CPU of one command beside `import sqlmodel`: through a gateway, on the desk's host, help and shell completion.

The gateway is one that answers at once and costs this process nothing; what is measured is the command's own process,
by the kernel's count. The least of several runs is taken, for both sides.

usage: python -m tests.bench.commands [--runs 7] [--json]
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.desk_client.refusals import JSON
from tests.cli.cli_runner import founded

BARS: Mapping[str, float] = {"remote": 0.25, "local": 1.3, "help": 0.15, "completion": 0.15}
ANSWER = json.dumps({"agents": [], "mailboxes": [], "messages": [], "next_cursor": None}).encode()
LINES = ("agent list", "mailbox list", "queue pending --json")
POSTROOM = (sys.executable, "-c", "import sys; from console.main import main; sys.exit(main(sys.argv[1:]))")


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", JSON)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_args: object) -> None:
        """Nothing: the benchmark prints its own lines."""


@contextmanager
def answering() -> Iterator[str]:
    """The URL of a gateway that answers everything alike."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def cpu(command: Sequence[str], env: Mapping[str, str], *, runs: int) -> float:
    """The least CPU seconds of these runs of a command, which must succeed."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")} | dict(env)
    quiet = os.open(os.devnull, os.O_WRONLY)
    least = float("inf")
    for _ in range(runs):
        child = os.posix_spawn(
            command[0], list(command), surroundings, file_actions=[(os.POSIX_SPAWN_DUP2, quiet, 1)]
        )  # fmt: skip
        _, status, used = os.wait4(child, 0)
        if status:
            raise SystemExit(f"{' '.join(command[3:])} ended with {os.waitstatus_to_exitcode(status)}")
        least = min(least, used.ru_utime + used.ru_stime)
    os.close(quiet)
    return least


def measured(runs: int) -> Iterator[tuple[str, str, float]]:
    """Kind, command and CPU seconds of each."""
    with tempfile.TemporaryDirectory() as place, answering() as url:
        desk = founded(Path(place) / "desk")
        elsewhere = {"POSTROOM_URL": url, "POSTROOM_TOKEN": "pro_of_nobody"}
        here = {"POSTROOM_DIR": str(desk.directory), "POSTROOM_TOKEN": desk.tokens["victor"]}
        for line in LINES:
            yield "remote", line, cpu([*POSTROOM, *line.split()], elsewhere, runs=runs)
        for line in LINES:
            yield "local", line, cpu([*POSTROOM, *line.split()], here, runs=runs)
        yield "help", "--help", cpu([*POSTROOM, "--help"], {}, runs=runs)
        typed = {"_POSTROOM_COMPLETE": "complete_bash", "COMP_WORDS": "postroom ag", "COMP_CWORD": "1"}
        yield "completion", "postroom ag", cpu(POSTROOM, typed, runs=runs)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=7)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    base = cpu((sys.executable, "-c", "import sqlmodel"), {}, runs=given.runs)
    rows = [(kind, line, used / base, BARS[kind]) for kind, line, used in measured(given.runs)]
    if given.json:
        print(json.dumps({"sqlmodel": base, "ratios": {f"{kind} {line}": ratio for kind, line, ratio, _ in rows}}))
        return
    print(f"import sqlmodel: {base:.3f} s of CPU")
    for kind, line, ratio, bar in rows:
        print(f"{kind:<10} {line:<22} {ratio:.3f} of it, bar {bar}{'' if ratio <= bar else '  ABOVE'}")


if __name__ == "__main__":
    main()
