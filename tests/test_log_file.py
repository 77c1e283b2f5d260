"""The file of a gateway's log lines: bounded, in order, read from a cursor, and never in the way of the gateway."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.log_file import MOST_READ, NAME, LogFile, LogReader, before


def events(path: Path) -> list[str]:
    return [str(line.entry["event"]) for line in LogReader(path).newest()][::-1]


def test_lines_are_kept_in_order_in_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / NAME
    file = LogFile(path)
    for n in range(3):
        file.write({"event": f"line {n}"})
    assert events(path) == ["line 0", "line 1", "line 2"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_files_take_turns_and_no_more_is_kept(tmp_path: Path) -> None:
    path, largest = tmp_path / NAME, 2_000
    file = LogFile(path, largest=largest)
    for n in range(500):
        file.write({"event": f"line {n}"})
    assert sorted(one.name for one in tmp_path.iterdir()) == [NAME, before(path).name]
    assert sum(one.stat().st_size for one in tmp_path.iterdir()) < 2 * largest + 200
    kept = events(path)
    assert kept == [f"line {n}" for n in range(500 - len(kept), 500)]
    assert len(kept) > 60


def test_a_line_that_is_too_long_loses_its_data_and_not_its_meaning(tmp_path: Path) -> None:
    path = tmp_path / NAME
    LogFile(path).write({"event": "task failed", "data": {"reason": "x" * 10_000}})
    (line,) = LogReader(path).newest()
    assert line.entry == {"event": "task failed", "data": {"cut": "its data was too long"}}


def test_a_reader_goes_on_where_it_was_over_the_turn_of_the_files(tmp_path: Path) -> None:
    path = tmp_path / NAME
    file = LogFile(path, largest=2_000)
    cursor, read = LogReader(path).cursor, list[str]()
    for n in range(120):
        file.write({"event": f"line {n}"})
        if n % 7 == 0:
            reader = LogReader(path)
            gap, lines = reader.after(cursor)
            assert not gap
            read += [str(line.entry["event"]) for line in lines]
            cursor = reader.cursor
    assert read == [f"line {n}" for n in range(120)][: len(read)]
    assert len(read) == 120 - 119 % 7


def test_each_line_has_the_cursor_behind_it(tmp_path: Path) -> None:
    path = tmp_path / NAME
    file = LogFile(path)
    for n in range(5):
        file.write({"event": f"line {n}"})
    for line in LogReader(path).newest():
        _, rest = LogReader(path).after(line.cursor)
        n = int(str(line.entry["event"]).removeprefix("line "))
        assert [one.entry["event"] for one in rest] == [f"line {m}" for m in range(n + 1, 5)]


@pytest.mark.parametrize("cursor", ["0123456789ab:40", "another", "", "x:y", "none:7"])
def test_a_cursor_of_another_file_begins_again_and_says_so(tmp_path: Path, cursor: str) -> None:
    path = tmp_path / NAME
    LogFile(path).write({"event": "line"})
    gap, lines = LogReader(path).after(cursor)
    assert gap is not cursor.startswith("none:")
    assert [one.entry["event"] for one in lines] == ["line"]


def test_lines_of_several_processes_and_threads_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / NAME
    program = (
        "import sys; from pathlib import Path; from core.log_file import LogFile\n"
        "file = LogFile(Path(sys.argv[1]), largest=60_000)\n"
        "for n in range(300): file.write({'event': f'{sys.argv[2]} {n}', 'data': {'x': 'y' * 300}})\n"
    )
    others = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in ("a", "b")]
    file = LogFile(path, largest=60_000)

    def write(name: str) -> None:
        for n in range(300):
            file.write({"event": f"{name} {n}", "data": {"x": "y" * 300}})

    threads = [threading.Thread(target=write, args=(name,)) for name in ("c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.wait(120) for one in others] == [0, 0]
    kept = [one.split() for one in events(path)]
    assert len(kept) > 100
    for name in {who for who, _ in kept}:
        numbers = [int(n) for who, n in kept if who == name]
        assert numbers == list(range(numbers[0], 300)) or numbers == list(range(numbers[0], numbers[-1] + 1))


def test_a_full_disk_costs_lines_and_the_next_one_says_how_many(tmp_path: Path) -> None:
    path = tmp_path / NAME
    program = (
        "import resource, sys; from pathlib import Path; from core.log_file import LogFile\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "file = LogFile(Path(sys.argv[1]))\n"
        "file.write({'event': 'before'})\n"
        "was = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size + 10, was[1]))\n"
        "for n in range(3): file.write({'event': f'lost {n}'})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, was)\n"
        "file.write({'event': 'after'}); file.write({'event': 'and on'})\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=120)
    lines = [line.entry for line in LogReader(path).newest()][::-1]
    assert [(one["event"], one.get("lost", 0)) for one in lines] == [("before", 0), ("after", 3), ("and on", 0)]


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "missing" / NAME
    LogFile(path).write({"event": "line"})
    reader = LogReader(path)
    assert list(reader.newest()) == []
    assert reader.after(reader.cursor)[0] is False


@pytest.mark.parametrize("value", ["\udcfc", 2**70, {1: "x"}])
def test_what_is_no_json_loses_its_data_and_stops_nothing(tmp_path: Path, value: object) -> None:
    path = tmp_path / NAME
    file = LogFile(path)
    file.write({"event": "task failed", "data": {"reason": value}})
    file.write({"event": "\udcfc"})
    file.write({"event": "after"})
    lines = [line.entry for line in LogReader(path).newest()][::-1]
    assert lines == [
        {"event": "task failed", "data": {"cut": "its data is no JSON"}}, {"event": "after", "lost": 1}
    ]  # fmt: skip


def test_a_pipe_in_the_files_place_is_neither_waited_for_nor_read(tmp_path: Path) -> None:
    path = tmp_path / NAME
    os.mkfifo(path)
    file = LogFile(path)
    file.write({"event": "nobody reads"})
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file.write({"event": "somebody does"})
    assert list(LogReader(path).newest()) == []
    os.close(reading)
    path.unlink()
    file.write({"event": "after"})
    assert [dict(line.entry) for line in LogReader(path).newest()] == [{"event": "after", "lost": 2}]


def test_a_reader_follows_no_link(tmp_path: Path) -> None:
    LogFile(tmp_path / "other").write({"event": "elsewhere"})
    (tmp_path / NAME).symlink_to(tmp_path / "other")
    assert list(LogReader(tmp_path / NAME).newest()) == []


def test_of_a_file_that_another_program_fills_only_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / NAME
    LogFile(path).write({"event": "first"})
    begun = LogReader(path).cursor
    with path.open("ab") as other:
        other.truncate(3 * MOST_READ)
    with path.open("ab") as other:
        other.write(b'\n{"event": "second"}\n{"event": "third"}\n')
    reader = LogReader(path)
    assert [line.entry["event"] for line in reader.newest()] == ["third", "second"]
    gap, lines = reader.after(begun)
    (second, third) = lines
    assert (gap, second.entry["event"], third.cursor) == (True, "second", reader.cursor)
    gap, lines = reader.after(second.cursor)
    assert (gap, [line.entry["event"] for line in lines]) == (False, ["third"])


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    LogFile(tmp_path / NAME).write({"event": "line"})
    assert not (tmp_path / "elsewhere").exists()
    assert (tmp_path / NAME).is_symlink()
