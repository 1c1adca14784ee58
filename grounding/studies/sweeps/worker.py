"""Processes that train what they are told: tasks as lines of JSON come in, and answers go out.

Several that are started at once share one import of PyTorch: after it, the process is copied. Each
argument is a worker: the descriptors of the files that it reads, writes and says its last words to,
and the GPUs that it may use, with commas between them.

A worker ends with whoever started it: its input is closed then, however that one has ended.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import warnings
from collections.abc import Sequence

from grounding._memory import collector_off


def main(arguments: Sequence[str]) -> None:
    """Import what is needed, be copied, and work until the input ends."""
    with collector_off():  # 0.8 processor seconds
        import grounding.studies.sweeps.trial  # noqa: F401 - before the copies
    workers = [argument.split(",", 3) for argument in arguments]
    mine = 0
    # Nothing has been computed yet, so there are no threads of PyTorch that a copy would miss.
    # Those of OpenBLAS, of which Python would warn, are made anew in it.
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        for number in range(1, len(workers)):
            if os.fork() == 0:
                mine = number
                break
    for number, (*files, _) in enumerate(workers):
        for file, place in zip(map(int, files), (0, 1, 2), strict=True):
            if number == mine:
                os.dup2(file, place)
            os.close(file)  # of another one, it would seem to be there when that has ended
    if gpus := workers[mine][3]:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus
    work()


def work() -> None:
    """Work until the input ends."""
    from grounding.studies.sweeps.trial import Task, train_trial

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(1)  # in the middle of a training, too: the last checkpoint is on the disk

    threading.Thread(target=read, daemon=True).start()
    while True:
        values = json.loads(lines.get())
        task = Task(**{**values, "modules": tuple(values["modules"])})
        answers.write(json.dumps(train_trial(task)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
