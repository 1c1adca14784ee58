"""Commands in forked processes that die by SIGKILL, at a moment or at a step of their writing.

Run as a program, this imports all that the commands need once and then forks a process for each
order on its standard input: starting Python and torch anew would take seconds each time.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple, Self

WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod")


class Ended(NamedTuple):
    """How a command ended: exit status (-9 if killed), seconds, its output, its writing steps."""

    status: int
    seconds: float
    output: str
    steps: int


class Forks:
    """A process that forks commands; use it as a context manager."""

    def __enter__(self) -> Self:
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen([sys.executable, __file__], env=one_thread, **pipes)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def run(
        self, folder: Path, *command: str, at_step: int | None = None, after: float | None = None
    ) -> Ended:
        """Run a command in a folder; kill it at a step of its writing, from 1, or after seconds."""
        assert self.process.stdin
        assert self.process.stdout
        order = json.dumps([str(folder), command, at_step, after])
        print(order, file=self.process.stdin, flush=True)
        return Ended(**json.loads(self.process.stdout.readline()))


class Steps:
    """Counts what changes files, and dies at one of the steps."""

    def __init__(self, folder: str, at_step: int | None, count_to: int) -> None:
        self.folder, self.at_step, self.count_to, self.count = folder, at_step, count_to, 0
        self.fsync = os.fsync
        os.fsync = self.step_and_fsync
        Path.write_bytes = lambda path, data: self.write_in_two(path, data)  # type: ignore
        sys.addaudithook(self.watch)

    def step(self) -> None:
        self.count += 1
        os.pwrite(self.count_to, str(self.count).encode(), 0)
        if self.count == self.at_step:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        is_change = event in CHANGES or (event == "open" and (arguments[2] or 0) & WRITE_FLAGS)
        if is_change and isinstance(arguments[0], str | os.PathLike):
            place = os.path.join(self.folder, os.fspath(arguments[0]))  # noqa: PTH118
            if isinstance(place, str) and place.startswith(self.folder):
                self.step()

    def step_and_fsync(self, handle: int) -> None:
        self.step()
        self.fsync(handle)
        self.step()

    def write_in_two(self, path: Path, data: bytes) -> int:
        with path.open("wb", buffering=0) as file:
            file.write(data[: len(data) // 2])
            self.step()
            file.write(data[len(data) // 2 :])
        return len(data)


def child(folder: str, words: list[str], at_step: int | None, output: int, count_to: int) -> int:
    """Run a command in this process; its exit status."""
    from grounding.cli import main
    from grounding.serve.site import publish

    os.chdir(folder)
    if (pages := Path("pages").absolute()).is_dir():
        publish.__kwdefaults__["pages"] = pages  # stand-ins: the real ones need node to be built
    for stream in (1, 2):
        os.dup2(output, stream)
    Steps(folder, at_step, count_to)
    status = main(words[0], words[1:])
    sys.stdout.flush()
    return status


def parent() -> None:
    """Answer orders until there are no more."""
    import matplotlib.backends.backend_svg  # noqa: F401
    import onnxruntime  # noqa: F401
    import sklearn.cluster
    import sklearn.linear_model  # noqa: F401
    import torch._dynamo
    import torch.onnx  # noqa: F401
    import umapers  # noqa: F401

    import grounding.runs.chain
    import grounding.serve.site
    import grounding.studies.seeds  # noqa: F401
    from grounding.data import load

    load()
    for line in sys.stdin:
        folder, words, at_step, after = json.loads(line)
        output, count_to = os.memfd_create("output"), os.memfd_create("steps")
        started, status = time.monotonic(), 99
        process = os.fork()
        if not process:
            try:
                status = child(folder, words, at_step, output, count_to)
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stderr.flush()
                os._exit(status)
        if after is not None:
            time.sleep(after)
            os.kill(process, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        shown, steps = os.pread(output, 1 << 20, 0).decode(), int(os.pread(count_to, 20, 0) or 0)
        os.close(output)
        os.close(count_to)
        ended = Ended(status, time.monotonic() - started, shown, steps)
        print(json.dumps(ended._asdict()), flush=True)


if __name__ == "__main__":
    parent()
