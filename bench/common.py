"""What the benchmarks share: one thread, a timer of wall and CPU time, and results as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before torch starts its own threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

torch.set_num_threads(1)

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Times:
    """Seconds of each repeat; the CPU's are those of this process, and do not count what others do to the machine."""

    wall: list[float]
    cpu: list[float]

    @property
    def median_cpu(self) -> float:
        """Median CPU seconds."""
        return statistics.median(self.cpu)

    @property
    def median_wall(self) -> float:
        """Median wall seconds."""
        return statistics.median(self.wall)

    def per(self, count: float) -> Times:
        """The same, divided by a count of steps or calls."""
        return Times([t / count for t in self.wall], [t / count for t in self.cpu])

    def json(self) -> dict[str, Any]:
        """Milliseconds: medians, and the least and most of the CPU time."""
        return {
            "cpu_ms": round(1e3 * self.median_cpu, 4),
            "cpu_ms_least": round(1e3 * min(self.cpu), 4),
            "cpu_ms_most": round(1e3 * max(self.cpu), 4),
            "wall_ms": round(1e3 * self.median_wall, 4),
            "repeats": len(self.cpu),
        }


def measure(what: Mapping[str, Callable[[], Any]], repeats: int = 5, calls: int = 1) -> dict[str, Times]:
    """Time several things in turn, so that a busy moment hits them all; each is run once before to warm up.

    Args:
        what: functions by name.
        repeats: how often each is timed.
        calls: how often it is called each time; times are per call.
    """
    times = {name: Times([], []) for name in what}
    for function in what.values():
        function()
    for _ in range(repeats):
        for name, function in what.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(calls):
                function()
            times[name].cpu.append((time.process_time() - cpu) / calls)
            times[name].wall.append((time.perf_counter() - wall) / calls)
    return times


def ratio(slow: Times, fast: Times) -> dict[str, float]:
    """How many times faster one is than the other: of the medians, and over all pairs of repeats, in CPU time."""
    pairs = [a / b for a, b in zip(slow.cpu, fast.cpu, strict=True)]
    return {
        "times_faster": round(slow.median_cpu / fast.median_cpu, 2),
        "least": round(min(pairs), 2),
        "most": round(max(pairs), 2),
        "wall": round(slow.median_wall / fast.median_wall, 2),
    }


def table(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Print a table with aligned columns."""
    cells = [header, *[tuple(f"{c:.3g}" if isinstance(c, float) else str(c) for c in row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        print("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))))


def save(name: str, result: Mapping[str, Any]) -> None:
    """Write a result beside the facts of the machine into `bench/results`."""
    machine = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"machine": machine, **result}, indent=2) + "\n")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())
