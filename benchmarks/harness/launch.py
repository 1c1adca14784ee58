"""Run a command with nothing on its output but, at the end, what it took, as one line of JSON.

A process of its own because it has to be small: Linux counts the memory of the spawning process
into the peak of the spawned one.
"""

import json
import os
import sys
import time


def main() -> None:
    """Spawn, wait, tell."""
    started = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(os.waitstatus_to_exitcode(status) or 1)
    unit = 1e-6 if sys.platform == "darwin" else 1024e-6  # ru_maxrss: bytes there, KiB elsewhere
    spent = {
        "seconds": seconds,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "memory_mb": usage.ru_maxrss * unit,
    }
    print(json.dumps(spent))


if __name__ == "__main__":
    main()
