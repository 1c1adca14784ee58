"""A file's SHA-256 at its own end, where any changed bit of the file shows."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from grounding._errors import UserError

_HEX_DIGITS = 64
_CHUNK = 1 << 20


class DamagedError(UserError):
    """A file is not as it was written."""


class MismatchError(UserError):
    """A file is whole, but was not made for or from the one that it is used with."""


@dataclass(frozen=True)
class Trailer:
    """The end of a file: the SHA-256 of all bytes before it, in a frame that the format allows.

    Attributes:
        before: what stands in front of the 64 hex digits.
        after: what stands behind them.
    """

    before: bytes
    after: bytes = b""

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.before) + _HEX_DIGITS + len(self.after)

    def of(self, *pieces: bytes | memoryview) -> bytes:
        """The trailer of a file that begins with these pieces."""
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
        return self._framed(digest.hexdigest())

    def holds(self, path: Path) -> bool | None:
        """Whether a file is as it was written; None if it does not end in such a trailer.

        Raises:
            OSError: it cannot be read.
        """
        with path.open("rb") as file:
            return self.holds_in(file)

    def holds_in(self, file: IO[bytes]) -> bool | None:
        """As `holds`, for a file that is open; leaves it at its start."""
        length = file.seek(0, 2) - self.size
        if length < 0:
            file.seek(0)
            return None
        file.seek(length)
        found = file.read()
        file.seek(0)
        if not (found.startswith(self.before) and found.endswith(self.after)):
            return None
        digest = hashlib.sha256()
        while length and (piece := file.read(min(_CHUNK, length))):
            digest.update(piece)
            length -= len(piece)
        file.seek(0)
        return found == self._framed(digest.hexdigest())

    def _framed(self, digest: str) -> bytes:
        return self.before + digest.encode("ascii") + self.after


# `head -c -80 x.json | sha256sum` gives the same digits.
JSON_TRAILER = Trailer(b',\n"sha256": "', b'"}\n')


def json_with_checksum(values: dict[str, Any], *, indent: int | None) -> bytes:
    """JSON that any strict reader takes (no NaN, no infinity), with `sha256` as its last key.

    Args:
        values: at least one, none of them called `sha256`.
        indent: spaces a level; None for as few bytes as possible.
    """
    assert values
    assert "sha256" not in values
    text = json.dumps(
        values,
        indent=indent,
        separators=(",", ": ") if indent else (",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    # A file name that is no text keeps its bytes as escapes, which JSON reads back.
    body = text.removesuffix("}").rstrip().encode("utf-8", "backslashreplace")
    return body + JSON_TRAILER.of(body)


def read_json(path: Path) -> tuple[dict[str, Any], bool]:
    """A JSON object from a file, and whether a checksum in the file covers it.

    Raises:
        DamagedError: the checksum is another, or this program wrote the file and it has none.
        ValueError: it is no JSON object.
        OSError: it cannot be read.
    """
    covered = check_json(path)
    values = json.loads(path.read_bytes())
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    if not covered and says_it_is_ours(values):
        raise without_checksum(path)
    return values, covered


def check_json(path: Path) -> bool:
    """Whether a JSON file's checksum covers it; False if it has none.

    Raises:
        DamagedError: the checksum is another.
        OSError: it cannot be read.
    """
    holds = JSON_TRAILER.holds(path)
    if holds is False:
        raise DamagedError(
            f"{path} is damaged: its bytes are not those that its SHA-256 was made from; "
            "make it again or copy it again"
        )
    return holds is True


def says_it_is_ours(values: dict[str, Any]) -> bool:
    """Whether a JSON object says which version of this program wrote it."""
    versions = values.get("versions")
    return isinstance(versions, dict) and "grounding" in versions


def without_checksum(path: Path) -> DamagedError:
    """The error for a file of ours that does not end in its checksum."""
    return DamagedError(
        f"{path} is damaged, or an earlier version wrote it: it does not end in its SHA-256; "
        "make it again or copy it again"
    )
