"""Runs one command and writes down what it took: `launch.py RESULT SECONDS COMMAND…`, with Python's -I -S.

A process of its own, and a small one: what a command's peak memory is told to be is never below what its parent had
when it was started.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time

MEMORY_SHARE = 0.8


def main() -> None:
    """Write ``RESULT``: wall, cpu (user and system, children included) in seconds, peak in bytes, status, overdue."""
    result, seconds, *command = sys.argv[1:]
    overdue = threading.Event()
    resource.setrlimit(resource.RLIMIT_AS, (_most_memory(),) * 2)
    start = time.perf_counter()
    process = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: process.kill())

    def end() -> None:
        overdue.set()
        process.kill()

    timer = threading.Timer(float(seconds), end)
    timer.start()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    taken = {
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "status": process.returncode,
        "overdue": overdue.is_set(),
    }
    with open(result, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib is a tenth of this process
        json.dump(taken, file)


def _most_memory() -> int:
    """Bytes that a command may ask for, so that it fails before the machine does."""
    return int(MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


if __name__ == "__main__":
    main()
