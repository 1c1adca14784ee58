"""Trials in processes of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Protocol

import grounding
from grounding.studies.sweeps.trial import Answer, Task

TRIES = 3  # of a trial whose process was killed
POLL_SECONDS = 0.5


class Engine(Protocol):
    """What trains trials."""

    def run(self, tasks: Sequence[Task], wait: Callable[[], None]) -> Iterator[tuple[Task, Answer]]:
        """Train them, and tell of each as it ends.

        Args:
            tasks: what to train.
            wait: called again and again meanwhile.
        """
        ...

    def close(self) -> None:
        """End at once whatever is being trained."""
        ...


class LocalEngine:
    """Processes that train one trial after the other.

    Args:
        workers: how many.
        threads: of PyTorch in each.
    """

    def __init__(self, workers: int, threads: int) -> None:
        self.workers, self.threads = workers, threads
        self._idle: list[_Process] = []
        self._every: list[_Process] = []
        self._closed, self._starting = False, threading.Lock()

    def run(self, tasks: Sequence[Task], wait: Callable[[], None]) -> Iterator[tuple[Task, Answer]]:
        """Train them; a killed process is replaced, and goes on from the last checkpoint."""
        left: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        ended: queue.SimpleQueue[tuple[Task, Answer]] = queue.SimpleQueue()
        count = min(self.workers, len(tasks))
        for one in (*tasks, *[None] * count):
            left.put(one)
        if len(self._idle) < count:
            self._idle += self._start(count - len(self._idle))
        used = [self._idle.pop() for _ in range(count)]

        def work(process: _Process) -> None:
            while (task := left.get()) is not None:
                given = replace(task, threads=self.threads)
                for _ in range(TRIES):
                    said = process.train(given)
                    if said is not None or self._closed:
                        break
                    why = process.last_words
                    (process,) = self._start(1)
                if self._closed:
                    return
                if said is None:
                    said = Answer(f"its process died {TRIES} times: {why}")
                ended.put((task, said))
            self._idle.append(process)

        threads = [threading.Thread(target=work, args=(one,), daemon=True) for one in used]
        for thread in threads:
            thread.start()
        for _ in tasks:
            while True:
                try:
                    found = ended.get(timeout=POLL_SECONDS)
                    break
                except queue.Empty:
                    wait()
            yield found
        for thread in threads:
            thread.join()

    def close(self) -> None:
        """End all processes at once; what they have saved is whole."""
        with self._starting:
            self._closed = True
        for process in self._every:
            process.end()

    def _start(self, count: int) -> list[_Process]:
        with self._starting:
            if not self._closed:
                devices, first = _cuda_devices(), len(self._every)
                for number in range(first, first + count):
                    several = len(devices) > 1
                    gpus = devices[number % len(devices)] if several else ""
                    self._every.append(_Process(gpus))
                new = self._every[first:]
                # Elsewhere, a process that has imported much may not be copied.
                for group in [new] if sys.platform == "linux" else [[one] for one in new]:
                    _Process.start(group, self.threads)
            return self._every[-count:]


class _Process:
    """One worker process.

    Args:
        gpus: that it may use, as CUDA_VISIBLE_DEVICES says it; "" for all.
    """

    def __init__(self, gpus: str) -> None:
        its_tasks, tasks = os.pipe()
        answers, its_answers = os.pipe()
        self._tasks, self._answers = os.fdopen(tasks, "w"), os.fdopen(answers)
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as this is
        self._its_files = (its_tasks, its_answers, self._words.fileno())
        self._argument = ",".join(map(str, (*self._its_files, gpus)))
        self.last_words, self._ending = "", threading.Lock()
        self._started: subprocess.Popen[bytes]
        self._is_alone = True

    @staticmethod
    def start(processes: Sequence[_Process], threads: int) -> None:
        """Start some at once, which share one import of PyTorch (see `worker`)."""
        root = str(Path(grounding.__file__).parents[1])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        environment["OMP_NUM_THREADS"] = str(threads)
        arguments = [one._argument for one in processes]
        started = subprocess.Popen(
            [sys.executable, "-P", "-m", "grounding.studies.sweeps.worker", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=processes[0]._words,
            pass_fds=[file for one in processes for file in one._its_files],
            env=environment,
            start_new_session=True,  # Ctrl-C is for whoever started it
        )
        for one in processes:
            one._started, one._is_alone = started, len(processes) == 1
            for pipe in one._its_files[:2]:
                os.close(pipe)

    def train(self, task: Task) -> Answer | None:
        """What it says of a training; None if the process has died."""
        try:
            self._tasks.write(json.dumps(asdict(task)) + "\n")
            self._tasks.flush()
            return Answer(*json.loads(self._answers.readline()))
        except (OSError, ValueError):  # a pipe that is closed, or half a line
            with self._ending:
                self._keep_last_words()
            return None

    def end(self) -> None:
        """Kill it, and all that were started with it."""
        with self._ending:
            # Nobody has waited for it yet, so the number is still its own.
            if self._started.returncode is None:
                os.killpg(self._started.pid, signal.SIGKILL)
                self._started.wait()
            self._keep_last_words()

    def _keep_last_words(self) -> None:
        if self._words.closed:
            return
        status = []
        if self._is_alone:
            self._started.kill()
            status = [f"status {self._started.wait()}"]
        self._words.seek(0)
        lines = self._words.read().decode(errors="replace").strip().splitlines()
        self.last_words = ", ".join([*status, *lines[-1:]])
        for pipe in (self._words, self._answers, self._tasks):
            with contextlib.suppress(OSError):  # what it was still to be told
                pipe.close()


def _cuda_devices() -> list[str]:
    """Numbers of the GPUs that may be used."""
    import torch

    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [one for one in given.split(",") if one]
    return [str(number) for number in range(torch.cuda.device_count())]


def shared_out(workers: int | None, threads: int | None) -> tuple[int, int]:
    """Processes, and threads of each: all cores by default, or a process for each GPU."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        cores = os.cpu_count() or 1
    workers = workers or len(_cuda_devices()) or max(1, cores // (threads or 1))
    return workers, threads or max(1, cores // workers)
