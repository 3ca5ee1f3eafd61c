"""What a learner may see (`Dataset`), what it may not (`Truth`), and the shapes a model is built from (`Schema`)."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from identikit.errors import InputError, LeakError
from identikit.splits import SPLITS, split_index

HIDDEN = -1
"""The value of a class label that the learner may not see; a hidden number is NaN."""


@dataclass(frozen=True)
class Schema:
    """The shapes and category names of a data set: all that a model needs to know of data before it is built.

    Attributes:
        x: shape of one row, e.g. `(8,)` or `(3, 32, 32)`; a dict of shapes where there are several modalities.
        names: category names of each discrete field (`domain`, `y`), and column names of `x` where there are any.
        numbers: the fields that hold continuous numbers.
    """

    x: tuple[int, ...] | dict[str, tuple[int, ...]]
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row of `x`; an error where `x` is a dict of modalities."""
        if isinstance(self.x, dict):
            raise InputError(f"x holds several modalities ({', '.join(self.x)}) and this model takes one: pick one")
        return self.x

    @property
    def joint(self) -> tuple[int, ...]:
        """Shape of a row as a model is given it: that of `x`, or `(numbers,)` of all modalities side by side.

        >>> Schema({"sound": (4,), "sight": (3, 2)}).joint
        (10,)
        """
        return (sum(math.prod(shape) for shape in self.x.values()),) if isinstance(self.x, dict) else self.x

    @property
    def image(self) -> bool:
        """Whether a row, as a model is given it, is a picture (channels, height, width)."""
        return len(self.joint) == 3

    def apart(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """What a model decodes, taken apart into modalities again.

        Args:
            values: `(..., *joint)`.

        Returns:
            `(..., *shape)` of each modality, by its name; `x` where there is one.

        >>> parts = Schema({"sound": (4,), "sight": (3, 2)}).apart(np.zeros((9, 10)))
        >>> parts["sound"].shape, parts["sight"].shape
        ((9, 4), (9, 3, 2))
        """
        if not isinstance(self.x, dict):
            return {"x": values}
        ends = np.cumsum([math.prod(shape) for shape in self.x.values()])
        parts = np.split(values, ends[:-1], axis=-1)
        pairs = zip(self.x.items(), parts, strict=True)
        return {name: part.reshape(*values.shape[:-1], *shape) for (name, shape), part in pairs}

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that stand beside `x`."""
        modalities = self.x if isinstance(self.x, dict) else ("x",)
        return (*(n for n in self.names if n not in modalities), *self.numbers)

    def size(self, name: str) -> int:
        """Number of categories of a discrete field."""
        if name not in self.names or name not in self.fields:
            raise InputError(f"the field '{name}' is needed as categories, and the data holds {self._held()}")
        return len(self.names[name])

    def _held(self) -> str:
        return ", ".join((*(self.x if isinstance(self.x, dict) else ("x",)), *self.fields))

    def json(self) -> dict[str, Any]:
        """The schema as plain JSON values; `Schema.parse` reads it back."""
        return {"x": self.x, "names": self.names, "numbers": self.numbers}

    @staticmethod
    def parse(value: Mapping[str, Any]) -> Schema:
        """Rebuild a schema from `Schema.json()`."""
        x = value["x"]
        shape = {k: tuple(v) for k, v in x.items()} if isinstance(x, Mapping) else tuple(x)
        return Schema(shape, {k: tuple(v) for k, v in value["names"].items()}, tuple(value["numbers"]))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Named observed fields of equal length, and the split each row belongs to: all that a learner may see.

    Build one with `identikit.datasets.from_arrays` or `from_table`, or sample it from a world.

    Attributes:
        x: array (rows, ...) of float32, or uint8 pictures (rows, channels, height, width); or a dict of such arrays.
        fields: other observed fields by name: `domain` and classes as int64 codes (hidden labels are -1), numbers as
            float32 (hidden ones are NaN).
        names: category names of every discrete field, and the column names of `x`.
        split: (rows,) int8, an index into `SPLITS`.
        source: how to read the data again, as JSON values; empty where it only ever was in memory, and after `take` or
            `part`, since what is read again would not be these rows. `hide` notes the field in it, under `hidden`.

    Raises:
        InputError: lengths differ, a value is NaN or infinite, a column of `x` is the same in every training row, a
            category code has no name, or there is no row.

    >>> import numpy as np
    >>> from identikit import datasets
    >>> data = datasets.from_arrays(x=np.random.default_rng(0).normal(size=(40, 3)), domain=["a", "b"] * 20)
    >>> data.rows, data.names["domain"], data.part("train").rows
    (40, ('a', 'b'), 32)
    """

    x: np.ndarray | dict[str, np.ndarray]
    fields: dict[str, np.ndarray]
    names: dict[str, tuple[str, ...]]
    split: np.ndarray
    source: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = len(self.split)
        if rows == 0:
            raise InputError("the data holds no row")
        twice = set(self.modalities) & set(self.fields)
        if twice:
            raise InputError(f"'{sorted(twice)[0]}' is given both as x and as a field: rename one")
        for name, array in self._arrays().items():
            if isinstance(array, Truth):
                raise LeakError(f"'{name}' is a Truth, which no learner may see: hand over the observed values alone")
            if len(array) != rows:
                raise InputError(f"lengths differ: '{name}' has {len(array)} rows and the data has {rows}")
        for name, array in self.modalities.items():
            self._check_values(name, array)
        for name, array in self.fields.items():
            self._check_field(name, array)

    def _check_field(self, name: str, array: np.ndarray) -> None:
        if name not in self.names:
            if array.dtype.kind == "f" and np.isinf(array).any():
                raise InputError(f"'{name}' holds an infinite value: drop the row, or hide it as NaN")
            return
        known = len(self.names[name])
        if array.dtype.kind not in "iu" or int(array.max()) >= known or int(array.min()) < HIDDEN:
            raise InputError(
                f"'{name}' has {known} category names, so its codes are integers from 0 to {known - 1} "
                f"(hidden: {HIDDEN}), not {array.dtype} from {array.min()} to {array.max()}"
            )

    def _check_values(self, name: str, array: np.ndarray) -> None:
        if array.size == 0:
            raise InputError(f"{name} has no column (its shape is {array.shape})")
        if array.dtype.kind not in "fiub":
            raise InputError(f"{name} must hold numbers, not {array.dtype}")
        if array.dtype == np.uint8:
            return
        flat = array.reshape(len(array), -1)
        bad = ~np.isfinite(flat)
        if bad.all() and name != "x":
            raise InputError(f"every value of the modality '{name}' is missing: leave it out")
        if bad.any():
            column = int(bad.any(0).argmax())
            count = int(bad[:, column].sum())
            raise InputError(
                f"{self._column(name, column)} holds {count} NaN or infinite value{'s' * (count > 1)} "
                f"(first in row {int(bad[:, column].argmax())}): drop or fill {'them' if count > 1 else 'it'}"
            )
        train = flat[self.split == 0]
        if array.ndim == 2 and len(train) > 1:
            constant = (train == train[0]).all(0)
            if constant.any():
                column = int(constant.argmax())
                raise InputError(
                    f"{self._column(name, column)} is constant "
                    f"({float(train[0, column]):g} in every training row): leave it out"
                )

    def _column(self, name: str, index: int) -> str:
        names = self.names.get(name, ())
        return f"column '{names[index]}' of {name}" if index < len(names) else f"column {index} of {name}"

    def _arrays(self) -> dict[str, np.ndarray]:
        return {**self.modalities, **self.fields}

    @property
    def modalities(self) -> dict[str, np.ndarray]:
        """`x` as a dict of arrays, whether or not it is one."""
        return self.x if isinstance(self.x, dict) else {"x": self.x}

    def joint(self, like: Schema | None = None) -> np.ndarray:
        """`x` as a model is given it: the array, or the numbers of all modalities side by side, (rows, numbers).

        Args:
            like: whose order the modalities come in; their own by default.
        """
        if not isinstance(self.x, dict):
            return self.x
        order = like.x if like and isinstance(like.x, dict) else self.x
        return np.concatenate([self.x[name].reshape(self.rows, -1) for name in order], 1, dtype=np.float32)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.split)

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, name: str) -> np.ndarray:
        """The array of one field or modality."""
        arrays = self._arrays()
        if name not in arrays:
            raise InputError(f"the data has no field '{name}': it holds {', '.join(arrays)}")
        return arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self._arrays()

    @property
    def schema(self) -> Schema:
        """Shapes and names, without the values."""
        x = {k: v.shape[1:] for k, v in self.x.items()} if isinstance(self.x, dict) else self.x.shape[1:]
        return Schema(x, dict(self.names), tuple(n for n in self.fields if n not in self.names))

    def _with(self, **changes: Any) -> Dataset:
        """A copy of data already checked: a column may well be constant in some of its rows."""
        other = copy.copy(self)
        vars(other).update(changes)
        return other

    def take(self, rows: np.ndarray) -> Dataset:
        """The data set of the given row indices."""
        split = self.split[rows]
        if len(split) == 0:
            raise InputError("a data set needs at least one row, and none was taken")
        x = {k: v[rows] for k, v in self.x.items()} if isinstance(self.x, dict) else self.x[rows]
        return self._with(x=x, fields={k: v[rows] for k, v in self.fields.items()}, split=split, source={})

    def index(self, part: str) -> np.ndarray:
        """Row indices of one of `SPLITS`, or of all rows (`all`)."""
        return split_index(self.split, part)

    def part(self, name: str) -> Dataset:
        """The rows of one of `SPLITS`, as a data set."""
        rows = self.index(name)
        if len(rows) == 0:
            raise InputError(f"the data has no {name} row: give that split a share, or more rows")
        return self.take(rows)

    def add(self, name: str, values: np.ndarray) -> Dataset:
        """The data set with one more field of numbers, one entry for each row (e.g. features made from `x`)."""
        if name in self:
            raise InputError(f"the data already has a field '{name}'")
        values = np.asarray(values, np.float32)
        if len(values) != self.rows:
            raise InputError(f"lengths differ: '{name}' has {len(values)} rows and the data has {self.rows}")
        self._check_field(name, values)
        return self._with(fields={**self.fields, name: values}, source={})

    def hide(self, name: str, where: np.ndarray) -> Dataset:
        """Mask a label: the rows where `where` (rows,) is true get -1 (classes) or NaN (numbers)."""
        where = np.asarray(where)
        if name not in self.fields:
            raise InputError(
                f"'{name}' is no field that can be hidden: the fields are {', '.join(self.fields) or 'none'}"
            )
        if where.dtype != bool or where.shape != (self.rows,):
            raise InputError(
                f"which rows of '{name}' to hide is told by {self.rows} booleans, not {where.dtype} {where.shape}"
            )
        values = self.fields[name].copy()
        values[where] = HIDDEN if name in self.names else np.nan
        # What is read again would show these labels: the note lets the reader refuse.
        source = {**self.source, "hidden": sorted({*self.source.get("hidden", ()), name})} if self.source else {}
        return self._with(fields={**self.fields, name: values}, source=source)

    def fingerprint(self) -> str:
        """A short hash of every value and name: equal for equal data."""
        digest = hashlib.sha256(repr(sorted((k, tuple(v)) for k, v in self.names.items())).encode())
        for name, array in sorted({**self._arrays(), "split": self.split}.items()):
            digest.update(f"{name}{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]

    def __repr__(self) -> str:
        shapes = ", ".join(f"{k}{tuple(v.shape[1:])}" for k, v in self._arrays().items())
        parts = ", ".join(f"{name} {len(self.index(name))}" for name in SPLITS)
        return f"Dataset({self.rows} rows: {shapes}; {parts})"


@dataclass(frozen=True, eq=False)
class Truth:
    """What a learner may not see, row by row beside its `Dataset`; only metrics and reports accept it.

    Attributes:
        latents: (rows, latents) float array; a discrete latent holds its category number.
        names: one name for each latent.
        kinds: `continuous`, `discrete` or `circular` (an angle in radians) for each latent.
        blocks: named groups of latent positions, e.g. `{"invariant": (0, 1), "changing": (2, 3)}`.
        graph: (latents, latents) 0/1 array, entry (i, j) for an edge from latent i to latent j; None where unknown.
        labels: labels that the data set masks, by field.
        mixing: the map from latents to observations, where it is a function.
        split: the split of each row, as in the data set.
    """

    latents: np.ndarray
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    blocks: dict[str, tuple[int, ...]] = field(default_factory=dict)
    graph: np.ndarray | None = None
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    mixing: Callable[[np.ndarray], np.ndarray] | None = None
    split: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.latents.ndim != 2 or not (len(self.names) == len(self.kinds) == self.latents.shape[1]):
            raise InputError(
                f"a truth needs one name and one kind for each latent: latents have shape {self.latents.shape}, "
                f"with {len(self.names)} names and {len(self.kinds)} kinds"
            )
        wrong = set(self.kinds) - {"continuous", "discrete", "circular"}
        if wrong:
            raise InputError(f"a latent is continuous, discrete or circular, not '{sorted(wrong)[0]}'")
        rows, count = self.latents.shape
        for name, positions in self.blocks.items():
            if any(not 0 <= p < count for p in positions):
                raise InputError(f"block '{name}' names the latents {positions}, and there are {count}, counted from 0")
        if self.graph is not None and self.graph.shape != (count, count):
            raise InputError(f"the graph of {count} latents has shape ({count}, {count}), not {self.graph.shape}")
        for name, array in {**self.labels, **({} if self.split is None else {"split": self.split})}.items():
            if len(array) != rows:
                raise InputError(f"lengths differ: '{name}' has {len(array)} rows and the latents have {rows}")

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.latents)

    def take(self, rows: np.ndarray) -> Truth:
        """The truth of the given row indices."""
        return replace(
            self,
            latents=self.latents[rows],
            labels={k: v[rows] for k, v in self.labels.items()},
            split=None if self.split is None else self.split[rows],
        )

    def index(self, part: str) -> np.ndarray:
        """Row indices of one of `SPLITS`, or of all rows (`all`)."""
        if self.split is None:
            raise InputError("this truth does not say which split its rows belong to")
        return split_index(self.split, part)

    def part(self, name: str) -> Truth:
        """The rows of one of `SPLITS`, as a truth."""
        return self.take(self.index(name))

    def block(self, name: str) -> np.ndarray:
        """The latents (rows, size) of one named block."""
        if name not in self.blocks:
            raise InputError(f"the truth has no block '{name}': it has {', '.join(self.blocks) or 'none'}")
        return self.latents[:, list(self.blocks[name])]

    def __repr__(self) -> str:
        latents = ", ".join(f"{n} ({k})" for n, k in zip(self.names, self.kinds, strict=True))
        return f"Truth({self.rows} rows: {latents})"


def require_dataset(data: object, who: str = "fit") -> Dataset:
    """Return `data` if it is a `Dataset`, and say in one sentence what it is otherwise."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, Truth):
        raise LeakError(f"{who} was handed a Truth, which no learner may see: hand it the Dataset")
    if isinstance(data, tuple):
        raise InputError(f"{who} was handed a tuple: worlds return (data, truth), and {who} takes the data alone")
    raise InputError(f"{who} takes a Dataset, not a {type(data).__name__}: see identikit.datasets.from_arrays")
