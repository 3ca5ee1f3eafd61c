"""Tennessee Eastman: runs of a simulated chemical plant, normal and under 21 faults."""

from __future__ import annotations

import io
import lzma
from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError

FAULTS = (
    "normal",
    "A/C feed ratio, B constant (stream 4): step",
    "B composition, A/C ratio constant (stream 4): step",
    "D feed temperature (stream 2): step",
    "reactor cooling water inlet temperature: step",
    "condenser cooling water inlet temperature: step",
    "A feed loss (stream 1): step",
    "C header pressure loss (stream 4): step",
    "A, B, C feed composition (stream 4): random variation",
    "D feed temperature (stream 2): random variation",
    "C feed temperature (stream 4): random variation",
    "reactor cooling water inlet temperature: random variation",
    "condenser cooling water inlet temperature: random variation",
    "reaction kinetics: slow drift",
    "reactor cooling water valve: sticking",
    "condenser cooling water valve: sticking",
    *(f"fault {number}, not described" for number in range(16, 21)),
    "A and C feed valve (stream 4): held in place",
)
"""What happens in each fault, by number; 0 is normal operation."""

COLUMNS = (
    "A feed (stream 1) [kscmh]",
    "D feed (stream 2) [kg/h]",
    "E feed (stream 3) [kg/h]",
    "A and C feed (stream 4) [kscmh]",
    "recycle flow (stream 8) [kscmh]",
    "reactor feed rate (stream 6) [kscmh]",
    "reactor pressure [kPa gauge]",
    "reactor level [%]",
    "reactor temperature [deg C]",
    "purge rate (stream 9) [kscmh]",
    "separator temperature [deg C]",
    "separator level [%]",
    "separator pressure [kPa gauge]",
    "separator underflow (stream 10) [m3/h]",
    "stripper level [%]",
    "stripper pressure [kPa gauge]",
    "stripper underflow (stream 11) [m3/h]",
    "stripper temperature [deg C]",
    "stripper steam flow [kg/h]",
    "compressor work [kW]",
    "reactor cooling water outlet temperature [deg C]",
    "separator cooling water outlet temperature [deg C]",
    *(f"{component} in reactor feed (stream 6) [mol %]" for component in "ABCDEF"),
    *(f"{component} in purge gas (stream 9) [mol %]" for component in "ABCDEFGH"),
    *(f"{component} in product (stream 11) [mol %]" for component in "DEFGH"),
    "D feed valve (stream 2) [%]",
    "E feed valve (stream 3) [%]",
    "A feed valve (stream 1) [%]",
    "A and C feed valve (stream 4) [%]",
    "compressor recycle valve [%]",
    "purge valve (stream 9) [%]",
    "separator liquid valve (stream 10) [%]",
    "stripper product valve (stream 11) [%]",
    "stripper steam valve [%]",
    "reactor cooling water valve [%]",
    "condenser cooling water valve [%]",
)
"""Names and units of the 41 measurements (XMEAS) and the 11 manipulated variables (XMV)."""

MINUTES = 3
ONSET = 160
"""Row of a test run from which its fault acts: eight hours of normal operation come before."""

_NORMAL_ROWS, _TRAIN_ROWS, _TEST_ROWS = 500, 480, 960


def run_lengths() -> list[tuple[int, str, int]]:
    """The runs in the order of the shipped file, as (fault, `train` or `test`, rows).

    >>> run_lengths()[:3], sum(rows for *_, rows in run_lengths())
    ([(0, 'train', 500), (0, 'test', 960), (1, 'train', 480)], 31700)
    """
    lengths = []
    for fault in range(len(FAULTS)):
        lengths += [(fault, "train", _TRAIN_ROWS if fault else _NORMAL_ROWS), (fault, "test", _TEST_ROWS)]
    return lengths


def tennessee_eastman(
    faults: Sequence[int] | None = None, scaled: bool = True, validation: float = 0.2, seed: int = 0
) -> tuple[Dataset, Truth]:
    """Read the runs of the plant: 22 training runs of a day, 22 test runs of two days, a row every three minutes.

    The file of each fault has one run to learn from and one to test on. The last part of a training run is taken for
    validation, as a sequence of its own, so that no sequence falls into two splits. `domain` is the fault of the run;
    `y` is the fault that acts in the row: in a test run it sets in at row `ONSET`, and before that `y` is `normal`.

    Args:
        faults: numbers from 0 (normal) to 21, in the order of their runs; all if left out.
        scaled: bring each variable to mean 0 and deviation 1, as the normal training run has them, whatever the faults
            asked for; else the values are in the units that the names then give.
        validation: share of the rows of each training run, the last ones; above 0 and below 1.
        seed: not used, since nothing is drawn; accepted so that all readers are called alike.

    Returns:
        The data: x (rows, 52) with names, without a variable that never moves in the training rows (with
        fault 21 alone, that valve); `domain` (22), `y` (22), `sequence` and `time` (rows from the start of the
        sequence). The truth: the latent `fault` (discrete), the number of the fault that acts. The 50 states of
        the simulated plant were not recorded, and neither were the sizes of the disturbances.

    Raises:
        InputError: an unknown fault number, one named twice, or a wrong share.

    Source: Downs and Vogel 1993 (Computers and Chemical Engineering 17, 245), in closed loop by Russell, Chiang and
    Braatz 2000; names, units, faults and the onset as in the code of the simulation. What faults 16 to 20 are, it does
    not say; fault 21 is named by what these files show. That the fault acts in every row of a training run is how
    these files are used in the field; they do not say it themselves. Licence: `LICENSE.txt` beside the data.

    >>> data, truth = tennessee_eastman(faults=[0, 4])
    >>> data
    Dataset(2900 rows: x(52,), y(), domain(), sequence(), time(); train 784, validation 196, test 1920)
    >>> data.names["domain"][1], truth
    ('reactor cooling water inlet temperature: step', Truth(2900 rows: fault (discrete)))
    """
    faults = list(range(len(FAULTS))) if faults is None else [int(f) for f in faults]
    wrong = [f for f in faults if not 0 <= f < len(FAULTS)]
    if wrong:
        raise InputError(f"a fault is a number from 0 (normal) to {len(FAULTS) - 1}, not {wrong[0]}")
    if not faults or len(set(faults)) < len(faults):
        raise InputError(f"faults are one or more different numbers, not {faults}")
    if not 0 < validation < 1:
        raise InputError(f"validation is a share above 0 and below 1, not {validation}")
    values = _values()
    pieces = _pieces(faults, validation)
    lengths = [stop - start for _, start, stop, _ in pieces]
    rows = np.concatenate([np.arange(start, stop) for _, start, stop, _ in pieces])
    normal = values[:_NORMAL_ROWS].astype(np.float64)
    x = ((values[rows] - normal.mean(0)) / normal.std(0)).astype(np.float32) if scaled else values[rows]
    names = tuple(c.partition(" [")[0] for c in COLUMNS) if scaled else COLUMNS
    time = np.concatenate([np.arange(length) for length in lengths])
    fault = np.repeat([f for f, *_ in pieces], lengths)
    split = np.repeat([part for *_, part in pieces], lengths).astype(np.int8)
    acting = np.where((split == 2) & (time < ONSET), 0, fault)
    moves = np.ptp(x[split == 0], 0) > 0
    shown = tuple(FAULTS[f] for f in faults)
    # Every test run begins in normal operation, whether or not the normal runs were asked for.
    classes = faults if 0 in faults else [0, *faults]
    data = Dataset(
        x=np.ascontiguousarray(x[:, moves]),
        fields={
            "y": _code(acting, classes),
            "domain": _code(fault, faults),
            "sequence": np.repeat(np.arange(len(pieces)), lengths).astype(np.float32),
            "time": time.astype(np.float32),
        },
        names={"x": tuple(np.array(names)[moves].tolist()), "y": tuple(FAULTS[f] for f in classes), "domain": shown},
        split=split,
        source={
            "reader": "tennessee_eastman",
            "faults": faults,
            "scaled": scaled,
            "validation": validation,
            "seed": seed,
        },
    )
    truth = Truth(
        latents=acting[:, None].astype(np.float64),
        names=("fault",),
        kinds=("discrete",),
        labels={"y": data["y"]},
        split=split,
    )
    return data, truth


def _pieces(faults: list[int], validation: float) -> list[tuple[int, int, int, int]]:
    """The sequences, as (fault, first row of the file, row after the last, split)."""
    pieces, start = [], 0
    for fault, part, rows in run_lengths():
        stop = start + rows
        cut = stop - round(validation * rows)
        found = [(start, cut, 0), (cut, stop, 1)] if part == "train" else [(start, stop, 2)]
        pieces += [(fault, *span) for span in found]
        start = stop
    return [piece for fault in faults for piece in pieces if piece[0] == fault]


def _code(numbers: np.ndarray, order: list[int]) -> np.ndarray:
    table = np.zeros(len(FAULTS), np.int64)
    table[order] = np.arange(len(order))
    return table[numbers]


def _values() -> np.ndarray:
    """All runs below each other, (31700, 52) float32."""
    packed = files("identikit.datasets").joinpath("files", "tennessee_eastman", "runs.npy.xz").read_bytes()
    return np.load(io.BytesIO(lzma.decompress(packed)), allow_pickle=False)
