"""Trials on a Ray cluster: one task each, with the processors and GPUs that it says."""

from __future__ import annotations

import os
import re
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from grounding._errors import UserError
from grounding._files import replacing
from grounding.runs.manifest import ENDING, FOLDER
from grounding.studies.sweeps.trial import Answer, Task, train_trial
from grounding.training.checkpoint import versions

OLDEST = (2, 60)
RETRIES = 10  # of a trial whose node has died
POLL_SECONDS = 0.5
REACH_SECONDS = 10.0


class Trained(NamedTuple):
    """What a task gives back.

    Attributes:
        answer: of the training.
        files: of the run, by name, where the folder is not the sweep's own; else none.
    """

    answer: Answer
    files: dict[str, bytes]


class RayEngine:
    """Tasks of Ray.

    A task whose node dies is begun again elsewhere by Ray. Where artifacts/ is on storage that all
    nodes share, at the same path, it goes on from its last checkpoint; elsewhere it begins anew,
    and its files are brought back.

    Args:
        address: of a cluster; None for the one that is there, or one of this machine alone.
        threads: processors that a trial takes, and threads of PyTorch.
        gpus: that it takes.

    Raises:
        UserError: Ray is not installed, too old, or the cluster cannot be reached.
    """

    def __init__(self, address: str | None, threads: int, gpus: float) -> None:
        self.threads = threads
        try:
            import ray
        except ImportError:
            raise UserError(
                '--engine ray needs Ray 2.60 or newer: pip install "grounding[ray]"'
            ) from None
        if tuple(map(int, ray.__version__.split(".")[:2])) < OLDEST:
            raise UserError(
                f'Ray {ray.__version__} is too old: pip install "grounding[ray]" for 2.60 or newer'
            )
        self._ray: Any = ray
        self._is_ours = not ray.is_initialized()
        is_main = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGTERM)
        try:
            if address and (found := re.fullmatch(r"(?:ray://)?([^:/]+):(\d+)", address)):
                # Ray itself would try for a minute.
                socket.create_connection((found[1], int(found[2])), REACH_SECONDS).close()
            own = {} if address else {"include_dashboard": False}
            if self._is_ours:
                ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
        except Exception as error:  # of many kinds, none of which is of ours
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            where = address or os.environ.get("RAY_ADDRESS") or "of this machine"
            raise UserError(
                f"the Ray cluster {where} cannot be reached: {said}; start one: ray start --head, "
                "and name it: --address HOST:6379"
            ) from None
        finally:
            if is_main:
                signal.signal(signal.SIGTERM, before)  # Ray's own would end without a word
        limits = {"num_cpus": threads, "num_gpus": gpus, "max_retries": RETRIES}
        self._remote = ray.remote(**limits)(on_node)
        there = ray.cluster_resources()
        if threads > there.get("CPU", 0) or gpus > there.get("GPU", 0):
            self.close()
            raise UserError(
                f"no node has {threads} processors and {gpus:g} GPUs for a trial: the cluster has "
                f"{there.get('CPU', 0):g} and {there.get('GPU', 0):g}; see --threads and --gpus"
            )

    def run(self, tasks: Sequence[Task], wait: Callable[[], None]) -> Iterator[tuple[Task, Answer]]:
        """Train them on whatever nodes there are."""
        FOLDER.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=".sweep", dir=FOLDER) as probe:
            mark = str(Path(probe.name).absolute())
            left = {
                self._remote.options(name=task.name).remote(
                    replace(task, threads=self.threads), mark, versions()
                ): task
                for task in tasks
            }
            try:
                while left:
                    ended, _ = self._ray.wait([*left], timeout=POLL_SECONDS)
                    for one in ended:
                        yield self._answer(one, left.pop(one))
                    if not ended:
                        wait()
            finally:
                for one in left:
                    self._ray.cancel(one, force=True)

    def close(self) -> None:
        """Leave the cluster, unless whoever began the sweep was in it before."""
        if self._is_ours:
            self._ray.shutdown()

    def _answer(self, one: Any, task: Task) -> tuple[Task, Answer]:
        try:
            trained: Trained = self._ray.get(one)
        except self._ray.exceptions.RayError as error:
            return task, Answer(f"Ray gave it up: {str(error).splitlines()[0]}")
        # The manifest last: it names no file that is not there.
        for name in sorted(trained.files, key=lambda name: name.endswith(ENDING)):
            with replacing(FOLDER / name) as temporary:
                temporary.write_bytes(trained.files[name])
        return task, trained.answer


def on_node(task: Task, mark: str, driver: dict[str, str]) -> Trained:
    """Train one trial, on a node of the cluster.

    Args:
        task: what to train.
        mark: a file beside the sweep's runs, which is there if the storage is shared.
        driver: versions of the process that asks.
    """
    if versions() != driver:
        return Trained(Answer(f"its node has other versions: {versions()}, not {driver}"), {})
    if Path(mark).exists():
        return Trained(train_trial(task), {})
    with tempfile.TemporaryDirectory() as folder:
        answer = train_trial(replace(task, folder=folder))
        found = sorted((Path(folder) / FOLDER).glob(f"{task.name}*"))
        os.chdir("/")
        return Trained(answer, {path.name: path.read_bytes() for path in found if path.is_file()})
