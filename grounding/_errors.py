"""The one error that every command turns into a single line, and lines for a terminal."""

import sys

LONGEST = 2000


class UserError(ValueError):
    """Something the user asked for cannot be done.

    The message is one line: what is wrong, its value, what is allowed, and the next thing to type.
    Anything else that is raised is a mistake of ours and keeps its traceback.
    """

    def __str__(self) -> str:
        """The message, in which what a file said cannot break the line or steer a terminal."""
        return printable(super().__str__())


def printable(text: str) -> str:
    """Text with escapes for what is not printable, and with its middle left out if it is long."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def say(*lines: str, is_error: bool = False) -> None:
    """Print lines at once; what a file said can neither break one nor steer the terminal."""
    text = "".join(f"{printable(line)}\n" for line in lines)
    print(text, end="", file=sys.stderr if is_error else sys.stdout, flush=True)
