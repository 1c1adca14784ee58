"""Trials in processes of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Protocol

import grounding
from grounding.studies.sweeps.trial import Task

TRIES = 3  # of a trial whose process was killed
POLL_SECONDS = 0.5


class Engine(Protocol):
    """What trains trials."""

    def run(self, tasks: Sequence[Task], wait: Callable[[], None]) -> Iterator[tuple[Task, str]]:
        """Train them, and say of each as it ends why it failed, or "".

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

    def run(self, tasks: Sequence[Task], wait: Callable[[], None]) -> Iterator[tuple[Task, str]]:
        """Train them; a killed process is replaced, and goes on from the last checkpoint."""
        left: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        ended: queue.SimpleQueue[tuple[Task, str]] = queue.SimpleQueue()
        count = min(self.workers, len(tasks))
        for one in (*tasks, *[None] * count):
            left.put(one)
        while len(self._idle) < count:
            self._idle.append(self._start())
        used = [self._idle.pop() for _ in range(count)]

        def work(process: _Process) -> None:
            while (task := left.get()) is not None:
                given = replace(task, threads=self.threads)
                for _ in range(TRIES):
                    said = process.train(given)
                    if said is not None or self._closed:
                        break
                    why = process.last_words
                    process = self._start()
                if self._closed:
                    return
                ended.put(
                    (task, f"its process died {TRIES} times: {why}" if said is None else said)
                )
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

    def _start(self) -> _Process:
        with self._starting:
            if not self._closed:
                self._every.append(_Process(len(self._every), self.threads))
            return self._every[-1]


class _Process:
    """One worker process."""

    def __init__(self, number: int, threads: int) -> None:
        root = str(Path(grounding.__file__).parents[1])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        environment["OMP_NUM_THREADS"] = str(threads)
        devices = _cuda_devices()
        if len(devices) > 1:
            environment["CUDA_VISIBLE_DEVICES"] = devices[number % len(devices)]
        self.last_words, self._ending = "", threading.Lock()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as this is
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "grounding.studies.sweeps.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C is for whoever started it
        )

    def train(self, task: Task) -> str | None:
        """Why a training has failed, or ""; None if the process has died."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(asdict(task)) + "\n")
            self._process.stdin.flush()
            return str(json.loads(self._process.stdout.readline()))
        except (OSError, ValueError):  # a pipe that is closed, or half a line
            self.end()
            return None

    def end(self) -> None:
        """Kill it, wait for its end, and keep what it wrote last."""
        with self._ending:
            self._process.kill()
            self._process.wait()
            if self._words.closed:
                return
            self._words.seek(0)
            lines = self._words.read().decode(errors="replace").strip().splitlines()
            self.last_words = ", ".join([f"status {self._process.returncode}", *lines[-1:]])
            for pipe in (self._words, self._process.stdout, self._process.stdin):
                with contextlib.suppress(OSError):  # what it was still to be told
                    pipe.close()  # type: ignore[union-attr]


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
