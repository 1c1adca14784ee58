"""Folders that `save_to_disk` of Hugging Face `datasets` has written: arrow files and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grounding import _registry as register
from grounding._errors import UserError
from grounding._files import open_regular, parsed_json
from grounding.data.image_set import ImageSet
from grounding.data.pictures import Wanted
from grounding.data.places import PARTS
from grounding.data.tables import Table, image_set, told

MAX_JSON = 16 << 20
STATE, SPLITS = "state.json", "dataset_dict.json"


@register.source("arrow", decodes=True)
class SavedDataset:
    """A folder that `save_to_disk` of Hugging Face `datasets` has written, of one set or more.

    Its splits train, test and validation are the parts of the data.
    """

    looks_for = f"a folder of Hugging Face datasets ({SPLITS} or {STATE} in it)"

    def find(self, place: Path | None, name: str | None) -> Path | None:
        """The folder, by its files."""
        del name
        if place is not None and any((place / of).is_file() for of in (STATE, SPLITS)):
            return place
        return None

    def load(self, found: Path, wanted: Wanted) -> ImageSet:
        """Decode the images."""
        notes: list[str] = []
        folders = {"train": found}
        if (found / SPLITS).is_file():
            named = _json(found / SPLITS).get("splits")
            names = named if isinstance(named, list) else []
            folders = {}
            for name in names:
                part = PARTS.get(str(name).casefold())
                if part is None or part in folders:
                    notes.append(f"left out: the split {name}")
                else:
                    folders[part] = found / str(name)
            if "train" not in folders:
                raise UserError(
                    f"{found} has the splits {', '.join(map(str, names)) or 'of nothing'}; one "
                    "must be called train: name the folder of one split as data.data_dir"
                )
        tables = {part: list(_tables(folder)) for part, folder in folders.items()}
        return image_set(tables, found, wanted, notes)


def _tables(folder: Path) -> Iterator[Table]:
    """The tables of one set, in the order that its state says."""
    state = _json(folder / STATE)
    if state.get("_indices_files") or state.get("_indices_data_files"):
        raise UserError(f"{folder} holds a selection of rows; save dataset.flatten_indices()")
    files = state.get("_data_files")
    files = files if isinstance(files, list) else []
    given = [one.get("filename") if isinstance(one, dict) else None for one in files]
    names = [name for name in given if isinstance(name, str) and Path(name).name == name]
    if not names or len(names) < len(given):
        raise UserError(f"{folder / STATE} names no data files; save the data set again")
    for name in names:
        path = folder / name
        with told(path), open_regular(path) as file:
            import pyarrow as pa

            schema = pa.ipc.open_stream(file).schema
        yield Table(path, schema, _Batches(path, schema))


class _Batches:
    """What a file's stream holds of one column."""

    def __init__(self, path: Path, schema: Any) -> None:
        self._path, self._schema = path, schema

    def __call__(self, column: str) -> Iterator[Any]:
        import pyarrow as pa

        fields = [self._schema.get_field_index(column)]
        options = pa.ipc.IpcReadOptions(included_fields=fields)
        with open_regular(self._path) as file, pa.ipc.open_stream(file, options=options) as stream:
            yield from stream


def _json(path: Path) -> dict[str, Any]:
    with told(path), open_regular(path, MAX_JSON) as file:
        held = parsed_json(file.read())
        if not isinstance(held, dict):
            raise ValueError("it is no JSON object")
        return held
