"""The processor time and memory of processes and their children, from /proc (Linux)."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from tests.bench.ground import Field

_TICKS = os.sysconf("SC_CLK_TCK")
# Places in /proc/<pid>/stat after the name of the command.
_PARENT, _USER, _SYSTEM, _RESIDENT = 1, 11, 12, 21
_MEGABYTE = 1_000_000


def processes_of(field: Field) -> dict[str, int]:
    """The id of each process of ours by what it is (`perinatal serve http`), and of the backends that run here."""
    found = {}
    for process in field.started:
        words = list(map(str, process.args)) if isinstance(process.args, list) else []
        module = next(place for place, word in enumerate(words) if word.startswith("services."))
        found[" ".join([words[module].removeprefix("services."), *words[module + 1 :]])] = process.pid
    parts = {"mongod": field.backends.mongod_pid(), "rabbitmq": field.backends.rabbit_pid()}
    return found | {name: pid for name, pid in parts.items() if pid}


def processor_seconds(of: Mapping[str, int]) -> dict[str, float]:
    """Seconds of user and system time since each began; of children, as long as they live."""
    stats = _stats()
    return {
        name: sum(int(stat[_USER]) + int(stat[_SYSTEM]) for stat in _tree(stats, pid)) / _TICKS
        for name, pid in of.items()
    }


def megabytes(of: Mapping[str, int]) -> dict[str, float]:
    """Resident memory now."""
    stats, page = _stats(), os.sysconf("SC_PAGE_SIZE")
    return {
        name: sum(int(stat[_RESIDENT]) for stat in _tree(stats, pid)) * page / _MEGABYTE for name, pid in of.items()
    }


def memory(pid: int, which: str) -> float:
    """Megabytes: `VmRSS` is what the process has now, `VmHWM` the most that it ever had (proc_pid_status(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith(f"{which}:"))
    return int(kilobytes) / 1_024


def _tree(stats: Mapping[int, list[str]], pid: int) -> Iterator[list[str]]:
    children: dict[int, list[int]] = defaultdict(list)
    for child, stat in stats.items():
        children[int(stat[_PARENT])].append(child)
    waiting = [pid] if pid in stats else []
    while waiting:
        one = waiting.pop()
        yield stats[one]
        waiting += children[one]


def _stats() -> dict[int, list[str]]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):  # it has ended
                found[int(folder.name)] = (folder / "stat").read_text().rpartition(")")[2].split()
    return found
