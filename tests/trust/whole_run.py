"""A small run with every kind of file, and a site of it, for tests that damage them."""

import contextlib
import io
from functools import cache
from pathlib import Path
from typing import NamedTuple

from conftest import image_set, inside, own_config
from folders import built_pages

from grounding.cli import main
from grounding.runs.manifest import Manifest, read_manifest
from grounding.serve.site import publish

NAME = "own"
KEPT = """\
self_supervised:
  {enabled: true, augmentations_per_sample: 2, precompute: true, cache_path: kept/set.pt}
output: {save_every_n_epochs: 1}
"""


class Everything(NamedTuple):
    """Where it lies. Who changes a file puts it back."""

    root: Path
    artifacts: Path
    site: Path
    pages: Path

    @property
    def manifest(self) -> Manifest:
        return read_manifest(self.artifacts / f"{NAME}.run.json")

    def entered(self) -> dict[Path, str]:
        """Each file that the manifest knows, and its artifact's key."""
        every = self.manifest.artifacts.items()
        return {self.artifacts / name: key for key, one in every for name in one.files}

    def published(self) -> list[Path]:
        """The files of the site."""
        return sorted(path for path in self.site.rglob("*") if path.is_file())


@cache
def everything(temporary: Path) -> Everything:
    """All of it, made once."""
    root = temporary / "everything"
    with inside(root), contextlib.redirect_stdout(io.StringIO()):
        image_set(Path("images"))
        own_config(NAME, more=KEPT)
        for command in ("run", "probe", "latents", "export-weights"):
            assert main(command, ["--config", f"{NAME}.yaml"]) == 0
    made = Everything(root, root / "artifacts", root / "site", built_pages(root / "pages"))
    publish(made.site, made.artifacts, pages=made.pages)
    return made
