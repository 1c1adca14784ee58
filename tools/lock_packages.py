"""Write requirements.lock and requirements-dev.lock: the pins of constraints.txt with SHA-256.

    python -m pip install uv
    python tools/lock_packages.py [WHEEL ...]

after every change of constraints.txt or of the dependencies in pyproject.toml. The first file has
what `grounding` runs and builds with, the second what its tests need besides. uv, which knows what
each system needs, asks the package index for the hashes of every file of a version. A WHEEL is one
that is not in that index and may be installed as well, such as that of PyTorch without CUDA, which
has an index of its own.

Left out: what only Windows or PyPy need, and NVIDIA's libraries, which would be gigabytes for
nothing beside PyTorch without CUDA. PyTorch with CUDA says itself which of their versions it needs.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parents[1]
ELSEWHERE = re.compile(r"sys_platform == 'win32'|implementation_name == 'pypy'")
NVIDIA = re.compile(r"(nvidia|cuda|triton)\b")


def main() -> int:
    """Run the command line; the exit status."""
    parser = argparse.ArgumentParser(description="Write the pins of constraints.txt with hashes.")
    parser.add_argument("wheels", nargs="*", type=Path, help="files that the index does not have")
    wheels: dict[tuple[str, str], list[str]] = {}
    for path in parser.parse_args().wheels:
        name, version, *_ = parse_wheel_filename(path.name)
        digest = sha256(path.read_bytes()).hexdigest()
        wheels.setdefault((name, version.public), []).append(digest)
    of_running = locked([], wheels)
    of_testing = locked(["--extra", "dev"], wheels)
    more = {name: text for name, text in of_testing.items() if name not in of_running}
    write("requirements.lock", "", of_running)
    write("requirements-dev.lock", "-r requirements.lock\n", more)
    return 0


def locked(options: Sequence[str], wheels: dict[tuple[str, str], list[str]]) -> dict[str, str]:
    """Lines with the hashes of each package, by its name.

    Raises:
        subprocess.CalledProcessError: no versions fit together; uv has said why.
    """
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--no-config", "--quiet"),
        *("--universal", "--python-version", "3.11", "--constraints", "constraints.txt"),
        *("--generate-hashes", "--no-header", "--no-annotate", "pyproject.toml", "-", *options),
    ]
    done = subprocess.run(
        command, cwd=ROOT, input="\n".join(build), stdout=subprocess.PIPE, text=True, check=True
    )
    found = {}
    for block in re.split(r"\n(?=\S)", done.stdout.strip()):
        pin, *_ = block.split(" ")
        name, version = pin.split("==")
        if ELSEWHERE.search(block) or NVIDIA.match(name):
            continue
        for digest in wheels.get((canonicalize_name(name), version), ()):
            line = f"    --hash=sha256:{digest}"
            block += "" if line in block else f" \\\n{line}"
        found[name] = block
    return found


def write(name: str, start: str, packages: dict[str, str]) -> None:
    """Replace a file of these packages."""
    head = "# Made by tools/lock_packages.py from constraints.txt: do not edit.\n"
    (ROOT / name).write_text(head + start + "".join(f"{one}\n" for one in packages.values()))


if __name__ == "__main__":
    sys.exit(main())
