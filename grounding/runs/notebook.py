"""The pages in a notebook's cell: widgets whose files come from the kernel, not from a server.

Whatever a page shows goes through the widget's own channel, so that it works offline and with a
kernel on another machine. A page gets what was built for it, and of the run the files that it was
opened with, which are compared with the manifest each time they are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import numpy.typing as npt

from grounding._errors import UserError
from grounding.export.arrays import arrays_path, read_arrays, thumbnails_path
from grounding.export.pages import RUNTIME, built
from grounding.export.points import EmbeddingOptions
from grounding.runs.artifacts import made_once
from grounding.runs.chain import make_outputs
from grounding.runs.evaluation import Evaluation
from grounding.runs.exporting import points_output
from grounding.runs.manifest import manifest_path, read_manifest
from grounding.runs.run import Run

try:
    import anywidget
    import traitlets
except ImportError:
    raise UserError(
        'pages in a notebook need anywidget; install it with: pip install "grounding[notebook]"'
    ) from None

HEIGHT = 640
PART = 1 << 20


class Page(anywidget.AnyWidget):
    """A page of a run in a notebook's cell.

    Args:
        page: "viewer" or "playground".
        manifest: of the run.
        files: the JSON files and models that the page opens, by the name that its address has for
            them; all of them entered in the manifest.
        values: further traits.

    Attributes:
        height: in pixels.
    """

    height = traitlets.Int(HEIGHT, min=100).tag(sync=True)
    _esm = traitlets.Unicode().tag(sync=True)
    _page = traitlets.Unicode().tag(sync=True)
    _search = traitlets.Unicode().tag(sync=True)
    _title = traitlets.Unicode().tag(sync=True)

    def __init__(self, page: str, manifest: Path, files: Mapping[str, Path], **values: Any) -> None:
        document = f"notebook_{page}.html"
        self._sources = {name: built(name).read_bytes for name in (document, RUNTIME)}
        found = read_manifest(manifest.absolute())
        for main in files.values():
            for key in found.artifacts[found.key(main)].files:
                self._sources[Path(key).name] = partial(_intact, found.path, key)
        self._begun: dict[str, bytes] = {}
        super().__init__(
            _esm=built("notebook.js").read_text("utf-8"),
            _page=document,
            _search="?" + urlencode({name: quote(path.name) for name, path in files.items()}),
            _title=f"{found.name}: {page}",
            **values,
        )
        self.on_msg(self._answer)

    def _answer(self, _: Any, question: Any, __: Any) -> None:
        """Send the part of a file that a page asks for, or say in a line why not."""
        match question:
            case {"id": str(identity), "file": str(file), "offset": int(offset)}:
                try:
                    data, part = self._read(file, max(0, offset))
                except (UserError, OSError) as error:
                    self.send({"id": identity, "error": str(error)})
                else:
                    self.send({"id": identity, "total": len(data)}, [part])

    def _read(self, file: str, offset: int) -> tuple[bytes, bytes]:
        """All of a file and the part that begins there; it is kept until its last part is asked."""
        if file not in self._sources:
            raise UserError(f"this page has no file {file}; it has: {', '.join(self._sources)}")
        data = self._begun.pop(file, b"") if offset else b""
        data = data or self._sources[file]()
        if offset + PART < len(data):
            self._begun[file] = data
        return data, data[offset : offset + PART]


class View(Page):
    """The viewer of a run's points in a notebook's cell.

    Attributes:
        selected: int64 (N,), ascending: which rows of the split are selected in the page; none when
            nothing is. Set it to whole numbers that are in `rows` to select them.
        rows: int64, ascending: the rows of the split that are drawn.
    """

    selected = traitlets.Any().tag(
        sync=True,
        to_json=lambda selected, view: np.searchsorted(view.rows, selected).tolist(),
        from_json=lambda places, view: view.rows[np.asarray(places, dtype=np.int64)],
    )

    def __init__(
        self, manifest: Path, points: Path, film: Path | None = None, **values: Any
    ) -> None:
        self._thumbnails = thumbnails_path(points).absolute()
        _, arrays = read_arrays(arrays_path(points), ("indices",))
        self.rows = arrays["indices"].astype(np.int64)
        files = {"data": points} | ({"film": film} if film else {})
        super().__init__("viewer", manifest, files, **values)

    def selected_images(self) -> npt.NDArray[np.uint8]:
        """Images uint8 (N, C, H, W) of the selected rows, as the page shows them.

        Raises:
            UserError: the points have no images.
        """
        if not self._thumbnails.exists():
            raise UserError(
                f"there is no {self._thumbnails}, so no images; give grounding.evaluate some: "
                "images="
            )
        meta, arrays = read_arrays(self._thumbnails)
        rows = np.searchsorted(self.rows, self.selected)
        images: npt.NDArray[np.uint8] = arrays["thumbnails"][rows]
        return images.reshape(-1, *meta["image_shape"])

    @traitlets.default("selected")
    def _nothing(self) -> npt.NDArray[np.int64]:
        return np.empty(0, np.int64)

    @traitlets.validate("selected")
    def _drawn(self, proposal: Any) -> npt.NDArray[np.int64]:
        given = np.asarray(proposal["value"])
        if given.size and given.dtype.kind not in "iu":
            raise UserError(f"selected is of type {given.dtype}; expected whole numbers, rows")
        asked = np.unique(given.astype(np.int64))
        missing = np.setdiff1d(asked, self.rows)
        if len(missing):
            raise UserError(
                f"{len(missing)} of the rows to select are not drawn, {missing[0]} is the first; "
                f"view.rows has the {len(self.rows)} that are, and view(max_points=0) draws all of "
                "a split"
            )
        asked.flags.writeable = False
        return asked


def view_run(run: Run, split: str, max_points: int, height: int) -> View:
    """The viewer of a run; its points are made if they are not there. See `Run.view`."""
    options = EmbeddingOptions(max_points=max_points)
    path = run.experiment.artifact(f"{split}_latent_points.json")
    points = made_once(run, points_output(run, split, options, path))
    manifest, film = manifest_path(run.name), run.experiment.artifact("film.json")
    entered = read_manifest(manifest.absolute())
    is_there = split == "test" and entered.key(film) in entered.artifacts
    return View(manifest, points, film if is_there else None, height=height)


def play_run(run: Run, height: int) -> Page:
    """The playground of a run; its files are made if they are not there. See `Run.playground`."""
    kinds = ("assets", "encoder", "decoder")
    files = dict(zip(kinds, make_outputs(run, kinds), strict=True))
    manifest, dynamics = manifest_path(run.name), run.experiment.artifact("dynamics.json")
    entered = read_manifest(manifest.absolute())
    if entered.key(dynamics) in entered.artifacts:  # it takes long: not made for the page alone
        files["dynamics"] = dynamics
    return Page("playground", manifest, files, height=height)


def view_evaluation(evaluation: Evaluation, height: int) -> View:
    """The viewer of what was evaluated. See `Evaluation.view`."""
    if not evaluation.files:
        raise UserError("nothing was written that could be shown; evaluate(..., name=NAME) writes")
    return View(manifest_path(evaluation.name), evaluation.files[1], height=height)


def _intact(manifest: Path, key: str) -> bytes:
    """A file's bytes, as the manifest has them now.

    Raises:
        UserError: it is no longer a file of the run, or damaged.
        OSError: the manifest or the file cannot be read.
    """
    found = read_manifest(manifest)
    entries = [one.files[key] for one in found.artifacts.values() if key in one.files]
    if not entries:
        raise UserError(f"{manifest} has no file {key} any more; make the page again")
    found.check_file(key, entries[0])
    return found.place(key).read_bytes()
