"""Check the figures of the documents against what the commands say today.

    python tools/claims.py [--seconds 600] [--only WORD ...] [--missing]

`docs/claims.yaml` lists sentences with figures: the sentence, where it stands, the command that
shows it again, the value that it comes to with its interval, and what that costs. Those that cost
no more than --seconds in all are run, cheapest first, in one temporary folder; a second claim of
one command costs nothing. With --missing, sentences with figures that have no entry are listed,
not only counted. Ends with 1 if a claim does not hold, or stands nowhere.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
# What counts as a figure: a number with decimals or a unit.
FIGURE = re.compile(
    r"(?<![\w.:/-])\d[\d,]*(\.\d+)?( ?%| (s|ms|ns|MB|GB|points?|seconds|minutes|hours|times)\b)"
    r"|(?<![\w.:/-])\d[\d,]*\.\d+(?![\w.-])"
)


class Claim(NamedTuple):
    """A sentence and how to see that it is true.

    Attributes:
        sentence: words of the document, one line of a table perhaps.
        where: the document.
        command: what to type, in a folder in which nothing is.
        value: `file` and `key` of a JSON document, or `text`, a regular expression with one group
            that is searched in what the command prints.
        expected: the number.
        within: how far it may be off, on another machine as well.
        seconds: what the command takes.
    """

    sentence: str
    where: str
    command: str
    value: dict[str, str]
    expected: float
    within: float
    seconds: float


def read_claims(path: Path) -> list[Claim]:
    """The claims of a YAML file.

    Raises:
        ValueError: one lacks a key, or has one more.
    """
    claims = []
    for number, entry in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), 1):
        if set(entry) != set(Claim._fields):
            wrong = ", ".join(sorted(set(entry) ^ set(Claim._fields)))
            raise ValueError(f"{path}: claim {number}: keys missing or unknown: {wrong}")
        claims.append(Claim(**entry))
    return claims


def sentences(text: str) -> Iterator[str]:
    """Sentences and rows of tables of a Markdown document, code left out, in one line each."""
    text = re.sub(r"```.*?```|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"^( {4,}|\t).*$", "", text, flags=re.MULTILINE)
    for block in re.split(r"\n\s*\n", text):
        rows = block.strip().splitlines()
        if rows and rows[0].lstrip().startswith("|"):
            yield from (plain(row) for row in rows)
        else:
            yield from re.split(r"(?<=[.!?])\s+(?=[A-Z*`(\[])", plain(block))


def plain(text: str) -> str:
    """Text in one line, without marks of emphasis and the addresses of links."""
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return re.sub(r"\s+", " ", text.replace("*", "").replace("`", "")).strip()


# Written by programs that measure all of it: nobody has to repeat it by hand.
GENERATED = ("benchmarks.md", "ablation_6.md", "ablation_7.md")


def without_entry(claims: Iterable[Claim], documents: Iterable[Path]) -> dict[str, list[str]]:
    """By document, its sentences with figures that no claim is about."""
    told = [(claim.where, plain(claim.sentence)) for claim in claims]
    found = {}
    for path in documents:
        name = path.relative_to(ROOT).as_posix()
        known = [sentence for where, sentence in told if where == name]
        found[name] = [
            one
            for one in sentences(path.read_text(encoding="utf-8"))
            if FIGURE.search(one) and not any(sentence in one for sentence in known)
        ]
    return found


def check(claim: Claim, folder: Path, printed: dict[str, str]) -> str:
    """Why a claim does not hold; "" if it does. Runs its command unless it was run before."""
    if claim.command not in printed:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        done = subprocess.run(
            ["bash", "-c", claim.command],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            return f"{claim.command} ended with {done.returncode}: {done.stderr.strip()[-300:]}"
        printed[claim.command] = done.stdout
    try:
        value = _value(claim, folder, printed[claim.command])
    except (OSError, ValueError, LookupError, TypeError) as error:
        return f"no value: {type(error).__name__}: {error}"
    off = abs(value - claim.expected)
    if not off <= claim.within:
        return f"{value:g}, not {claim.expected:g} +- {claim.within:g}"
    return ""


def _value(claim: Claim, folder: Path, printed: str) -> float:
    if "text" in claim.value:
        found = re.search(claim.value["text"], printed)
        if not found:
            raise ValueError(f"nothing that was printed looks like {claim.value['text']}")
        return float(found[1].replace(",", ""))
    value: Any = json.loads((folder / claim.value["file"]).read_text(encoding="utf-8"))
    for key in claim.value["key"].split("."):
        value = value[int(key) if isinstance(value, list) else key]
    return float(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check what is cheap enough, and say what has no entry."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--claims", type=Path, default=ROOT / "docs" / "claims.yaml")
    parser.add_argument("--seconds", type=float, default=600, help="in all (default: 600)")
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", help="sentences or commands with one of these"
    )
    parser.add_argument("--missing", action="store_true", help="list sentences without an entry")
    given = parser.parse_args(arguments)
    claims = read_claims(given.claims)
    texts = {claim.where: plain((ROOT / claim.where).read_text()) for claim in claims}
    failed = [claim for claim in claims if plain(claim.sentence) not in texts[claim.where]]
    for claim in failed:
        print(f"stands nowhere in {claim.where}: {claim.sentence}")
    if given.only:
        claims = [
            c for c in claims if any(word in f"{c.sentence} {c.command}" for word in given.only)
        ]
    left, printed, commands = given.seconds, {}, set()
    later = 0
    with tempfile.TemporaryDirectory() as folder:
        for claim in sorted(claims, key=lambda claim: claim.seconds):
            cost = 0 if claim.command in commands else claim.seconds
            if cost > left:
                later += 1
                continue
            left -= cost
            commands.add(claim.command)
            started = time.perf_counter()
            problem = check(claim, Path(folder), printed)
            took = time.perf_counter() - started
            print(f"{'FAILED' if problem else 'ok'} {took:6.1f} s  {claim.sentence}", flush=True)
            if problem:
                print(f"       {claim.where}: {problem}", flush=True)
                failed.append(claim)
    if later:
        print(f"{later} claims cost more than is left of {given.seconds:g} s: --seconds N")
    pages = (path for path in (ROOT / "docs").glob("*.md") if path.name not in GENERATED)
    documents = [ROOT / "README.md", *sorted(pages)]
    for name, rest in without_entry(read_claims(given.claims), documents).items():
        if rest:
            print(f"{name}: {len(rest)} sentences with figures have no entry")
        for sentence in rest if given.missing else ():
            print(f"    {sentence[:160]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
