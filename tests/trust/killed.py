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
from types import TracebackType
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
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.communicate()

    def run(
        self,
        folder: Path,
        *command: str,
        at_step: int | None = None,
        after: float | None = None,
        file_size: int | None = None,
    ) -> Ended:
        """Run a command in a folder.

        Args:
            folder: the current directory.
            command: name and arguments.
            at_step: kill it at this step of its writing, from 1.
            after: kill it after so many seconds.
            file_size: no file may grow larger than so many bytes, as on a full disk.
        """
        order = {
            "folder": str(folder),
            "command": command,
            "at_step": at_step,
            "after": after,
            "file_size": file_size,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return Ended(**json.loads(self.process.stdout.readline()))


class Steps:
    """Counts what changes files, and dies at one of the steps."""

    def __init__(self, folder: str, at_step: int | None, count_to: int) -> None:
        self.folder = folder
        self.at_step = at_step
        self.count_to = count_to
        self.count = 0
        self.fsync, self.write_bytes = os.fsync, Path.write_bytes
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


def child(order: dict[str, Any], output: int, count_to: int) -> None:
    """Do an order in this process."""
    import resource

    from grounding.cli import main
    from grounding.serve.site import publish

    os.chdir(order["folder"])
    if (pages := Path("pages").absolute()).is_dir():
        publish.__kwdefaults__["pages"] = pages  # stand-ins: the real ones need node to be built
    for stream in (1, 2):
        os.dup2(output, stream)
    if order["file_size"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_size"],) * 2)
    Steps(order["folder"], order["at_step"], count_to)
    command, *arguments = order["command"]
    status = main(command, arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def parent() -> None:
    """Answer orders until there are no more."""
    import onnxruntime  # noqa: F401
    import torch._dynamo
    import torch.onnx  # noqa: F401
    import umapers  # noqa: F401

    import grounding.runs.chain
    import grounding.serve.site
    import grounding.studies.seeds  # noqa: F401
    from grounding.data import load

    load()
    for line in sys.stdin:
        order = json.loads(line)
        output, count_to = os.memfd_create("output"), os.memfd_create("steps")
        started = time.monotonic()
        process = os.fork()
        if not process:
            try:
                child(order, output, count_to)
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(99)
        if order["after"] is not None:
            time.sleep(order["after"])
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        ended = Ended(
            os.waitstatus_to_exitcode(status),
            time.monotonic() - started,
            os.pread(output, 1 << 20, 0).decode(),
            int(os.pread(count_to, 20, 0) or 0),
        )
        os.close(output)
        os.close(count_to)
        print(json.dumps(ended._asdict()), flush=True)


if __name__ == "__main__":
    parent()
