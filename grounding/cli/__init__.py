"""The command line: `grounding COMMAND`, `python -m grounding COMMAND`, and the nine scripts."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from grounding._errors import UserError, printable
from grounding.cli.commands import COMMANDS, grounding_group
from grounding.cli.process import (
    Terminated,
    check_current_folder,
    ended_by_sigterm,
    prepare_streams,
)


def entry(
    command: str | None = None, *, architectures: Sequence[str] = (), but_not: Sequence[str] = ()
) -> NoReturn:
    """Run one command of this process, as `main` does, and end the process."""
    sys.exit(main(command, architectures=architectures, but_not=but_not))


def main(
    command: str | None = None,
    argv: Sequence[str] | None = None,
    *,
    architectures: Sequence[str] = (),
    but_not: Sequence[str] = (),
) -> int:
    """Run one command and return its exit status.

    Args:
        command: its name; None takes it from the first argument.
        argv: the arguments; default: those of the process.
        architectures: what a training may train; default: everything.
        but_not: architectures that it may not train.

    Returns:
        0 if done; 2, with one line on stderr, if what the user asked for cannot be done; 130 if
        interrupted; 143 if asked to end; 141 if nobody reads the output any more.
    """
    prepare_streams()
    try:
        return _status(command, argv, tuple(architectures), tuple(but_not))
    except BrokenPipeError:  # whoever read the output has left, as in `grounding run | head`
        sys.stdout = sys.stderr = None  # or Python would complain again at exit
        return 141


def _status(
    command: str | None,
    argv: Sequence[str] | None,
    architectures: tuple[str, ...],
    but_not: tuple[str, ...],
) -> int:
    program: click.Command = COMMANDS[command] if command else grounding_group
    try:
        with ended_by_sigterm():
            check_current_folder()
            name = Path(sys.argv[0]).name if command else "grounding"
            words = list(sys.argv[1:] if argv is None else argv)
            # Not by `program.main`, which has an exit status of its own for a closed pipe.
            with program.make_context(name, words, obj=(architectures, but_not)) as context:
                done = program.invoke(context)
            if sys.stdout:
                sys.stdout.flush()  # what cannot be written is found out here, not at exit
    except click.exceptions.Exit as end:  # after --help or --version
        return end.exit_code
    except click.UsageError as error:
        place = error.ctx.command_path if error.ctx else "grounding"
        line = f"error: {error.format_message().rstrip('.')}; see {place} --help"
        print(printable(line), file=sys.stderr)
        return 2
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, click.Abort) as end:
        line = str(end) or "interrupted; what was written before is intact"
        print(line, file=sys.stderr)
        return 143 if isinstance(end, Terminated) else 130
    except OSError as error:
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        print(f"error: cannot write what was to be shown: {error.strerror}", file=sys.stderr)
        sys.stdout = None
        return 2
    return done if isinstance(done, int) else 0
