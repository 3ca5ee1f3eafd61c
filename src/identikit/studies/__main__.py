"""One worker as a process: `python -m identikit.studies FOLDER`; the launchers start it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from types import FrameType

# Before torch starts its own threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from identikit.errors import InputError
from identikit.studies.claims import LEASE
from identikit.studies.worker import work


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _follow(parent: int) -> None:
    """End this worker when the process that started it is gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Work until nothing is left; exit code 2 and one sentence where the folder cannot be worked on."""
    parser = argparse.ArgumentParser(prog="python -m identikit.studies", description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--pack", type=int, default=32)
    parser.add_argument("--lease", type=float, default=LEASE)
    parser.add_argument("--parent", type=int, default=None)
    given = parser.parse_args()
    torch.set_num_threads(1)
    # An orderly end lets go of what is claimed, so that others need not wait.
    signal.signal(signal.SIGTERM, _stop)
    if given.parent is not None:
        threading.Thread(target=_follow, args=(given.parent,), daemon=True).start()
    try:
        work(given.folder, given.pack, given.lease)
    except InputError as reason:
        print(reason, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
