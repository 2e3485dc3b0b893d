"""Variable after variable into files, with a row of the index for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from colab_guard.exporting import tensors
from colab_guard.exporting.leaves import LeftOut, is_array, is_table
from colab_guard.exporting.names import Stems
from colab_guard.exporting.objects import type_name
from colab_guard.exporting.sharing import Sharing
from colab_guard.exporting.target import Folder
from colab_guard.exporting.tree import Tree

TOGETHER = "variables.json"
SHORT = 1000  # characters: longer texts have a file of their own
VALUES = (bool, int, float, complex, str, bytes, tuple, type(None))  # of which two may as well be one


class Exporter:
    """``rows`` of the index by variable, ``left_out`` what is in no file, ``sharing`` of memory. Not thread-safe."""

    def __init__(self, folder: Folder, stems: Stems, damaged: Mapping[int, tuple[Any, str]]) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.left_out: dict[str, str] = {}
        self.remarks: list[str] = []
        self.sharing = Sharing()
        self._folder, self._stems, self._damaged = folder, stems, damaged
        self._together: dict[str, Any] = {}
        self._seen: dict[int, str] = {}

    def add(self, name: str, value: Any) -> None:
        """Writes one variable, or notes why not. Raises OSError where the disk refuses."""
        first = self._seen.get(id(value))
        if first is not None and type(value) not in VALUES:
            self.rows[name] = {**self.rows[first], "same_as": first}
            return
        tree = Tree(name, self._stems.of(name), self._folder, self.sharing, self._damaged)
        try:
            row = self._written(tree, value)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - a class of the user's may raise anything when it is looked at
            self._folder.remove(tree.files)
            self.left_out[name] = _reason(error)
            return
        self._seen[id(value)] = name
        self.rows[name] = row
        self.left_out |= tree.left_out
        self.remarks += tree.remarks

    def finish(self) -> None:
        """Writes what is kept together."""
        if self._together:
            self._folder.write_json(TOGETHER, self._together)

    def _written(self, tree: Tree, value: Any) -> dict[str, Any]:
        content = tree.of(value)
        row: dict[str, Any] = {"type": type_name(value), **_described(value)}
        if tree.tensors:
            tree.files.append(f"{tree.stem}.safetensors")
            with self._folder.new(tree.files[-1]) as file:
                tensors.write(file, tree.tensors)
            row["tensors"] = len(tree.tensors)
        if _is_scalar(content) and len(str(content)) <= SHORT:
            self._together[tree.name] = content
            return row | {"files": [TOGETHER]}
        if not _says_nothing_more(content, tree):
            tree.files.append(f"{tree.stem}.json")
            self._folder.write_json(tree.files[-1], content)
        return row | {"files": sorted(tree.files)}


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error) if isinstance(error, LeftOut) else f"{type(error).__name__}: {error}"


def _is_scalar(content: Any) -> bool:
    return not isinstance(content, dict | list) or list(content) in (["$float"], ["$complex"])


def _says_nothing_more(content: Any, tree: Tree) -> bool:
    """Whether the files beside a JSON text say all that it would: one file, or tensors by their own keys."""
    if not isinstance(content, dict) or not content:
        return False
    if content.keys() in ({"$tensor"}, {"$file"}) and isinstance(next(iter(content.values())), str):
        return bool(tree.tensors or tree.files)
    return all(item == {"$tensor": key} and key in tree.tensors for key, item in content.items())


def _described(value: Any) -> dict[str, Any]:
    """The shape and type of arrays, tensors and tables."""
    if not (tensors.is_tensor(value) or is_array(value) or is_table(value)):
        return {}
    dtype = getattr(value, "dtype", None)  # which a frame has by column
    row: dict[str, Any] = {"shape": list(map(int, value.shape))}
    return row | ({"dtype": str(dtype).removeprefix("torch.")} if dtype is not None else {})
