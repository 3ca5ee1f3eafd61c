"""Memory while a world is streamed to disk: a million rows of numbers, and 50,000 pictures.

Run: python bench/streaming.py [--folder DIR]. Writes bench/results/streaming.json; the files are deleted again.

Each stream is made in a process of its own, whose largest resident memory is read at its end; a process that only
imports the library is measured beside it. Memory that the kernel lends to mapped files counts as the process's own.

Check: some rows of the stream, with the mixing of the world, give back their observations.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import common

LIMIT_GB = 2.0
CASES = {
    "nothing": None,
    "1,000,000 rows of DomainShift": ("DomainShift", {}, 1_000_000),
    "50,000 pictures of Scenes, 64 px": ("Scenes", {"size": 64}, 50_000),
}


def one(case: str, folder: str) -> None:
    """Make one stream and print what it took."""
    from identikit.worlds import stream
    from identikit.worlds.named import make_world

    found, start = CASES[case], time.process_time()
    equal, size = True, 0
    if found is not None:
        name, options, rows = found
        data, truth = stream(make_world(name, options), rows, folder)
        assert truth.mixing is not None
        assert isinstance(data.x, np.ndarray)
        some = np.linspace(0, rows - 1, 100).astype(int)
        equal = bool(np.allclose(truth.mixing(np.asarray(truth.latents[some])), data.x[some], atol=1e-4))
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"gb": memory, "cpu_s": time.process_time() - start, "disk_gb": size / 1e9, "equal": equal}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", help="where to put the files; a temporary folder by default")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        return one(options.case, options.folder)
    rows, results = [], {}
    for case in CASES:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            command = [sys.executable, __file__, "--case", case, "--folder", folder]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = json.loads(answer.splitlines()[-1])
        results[case] = {key: round(v, 3) if isinstance(v, float) else v for key, v in found.items()}
        rows.append((case, found["gb"], found["cpu_s"], found["disk_gb"], "yes" if found["equal"] else "NO"))
    common.table(("stream", "memory GB", "CPU s", "disk GB", "rows right"), rows)
    common.save("streaming", {"limit_gb": LIMIT_GB, "results": results})
    if not all(found["equal"] and found["gb"] < LIMIT_GB for found in results.values()):
        sys.exit("memory is above the limit, or rows are wrong")


if __name__ == "__main__":
    main()
