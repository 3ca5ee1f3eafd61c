"""The folder of a study: its settings, which jobs are claimed and done, and one line for each finished job."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from identikit.errors import InputError
from identikit.studies.job import FORMAT
from identikit.studies.study import Study
from identikit.writing import write_text

if TYPE_CHECKING:
    from identikit.studies.table import Table

FOLDERS = ("claims", "done", "workers", "records")
OUTCOMES = ("finished", "diverged", "failed")
_PARQUET = "runs.parquet"
_NULLS = "STRUCT(mean DOUBLE, low DOUBLE, high DOUBLE, draws BIGINT)"
_SCORE = (
    f"STRUCT(name VARCHAR, value DOUBLE, parts MAP(VARCHAR, DOUBLE), nulls MAP(VARCHAR, {_NULLS}), n BIGINT, "
    "settings JSON, version VARCHAR)"
)
COLUMNS = {
    "format": "INTEGER", "job": "VARCHAR", "world": "VARCHAR", "method": "VARCHAR", "point": "JSON", "seed": "BIGINT",
    "status": "VARCHAR", "reason": "VARCHAR", "finite": "BOOLEAN", "scores": f"{_SCORE}[]", "left_out": "JSON",
    "validation": "DOUBLE", "steps": "BIGINT", "kept_step": "BIGINT", "cpu_seconds": "DOUBLE",
    "score_seconds": "DOUBLE", "target_seconds": "DOUBLE", "together": "INTEGER", "selection": "VARCHAR",
    "selection_score": "DOUBLE", "data": "VARCHAR", "settings": "JSON", "versions": "JSON", "finished": "VARCHAR",
}  # fmt: skip
"""The columns of a record, as DuckDB types."""


@dataclass(frozen=True)
class Status:
    """How far a study is: numbers of jobs."""

    jobs: int
    finished: int
    diverged: int
    failed: int
    running: int

    @property
    def done(self) -> int:
        """Jobs that are over, well or not."""
        return self.finished + self.diverged + self.failed

    @property
    def left(self) -> int:
        """Jobs that are not over."""
        return self.jobs - self.done

    def __str__(self) -> str:
        bad = f", {self.diverged} diverged, {self.failed} failed" if self.diverged or self.failed else ""
        return f"{self.done} of {self.jobs} jobs done{bad}, {self.running} running"


class Store:
    """The folder of one study.

    Every file in it is made whole by one call or only ever grows at its end, and each is written by one worker, so
    that workers on several machines may share the folder and any of them may be killed at any moment.

    Args:
        folder: where the study is; `Store.create` makes one.

    Raises:
        InputError: there is no study, or a newer version of this library wrote it.

    >>> import tempfile
    >>> store = Store.create(tempfile.mkdtemp(), Study(["DomainShift"], ["vae"], seeds=2))
    >>> print(store.status())
    0 of 2 jobs done, 0 running
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.study = _read(self.folder)

    @staticmethod
    def create(folder: str | Path, study: Study) -> Store:
        """Make the folder of a study, or open it where this study is in it already.

        A study that has all of the jobs of the one in the folder, and more, takes its place.

        Raises:
            InputError: another study is in it, or it cannot be written.
        """
        folder = Path(folder)
        if (folder / "study.json").exists():
            before = _read(folder)
            if before.json() != study.json():
                _check_more(folder, before, study)
                _write(folder, study)
            return Store(folder)
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(f"{folder} holds other files and no study: choose another folder")
        try:
            for name in FOLDERS:
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as reason:
            raise full(folder, reason) from None
        _write(folder, study)
        return Store(folder)

    @cached_property
    def ids(self) -> frozenset[str]:
        """The jobs of the study."""
        return frozenset(job.id for job in self.study.jobs)

    def outcomes(self) -> dict[str, str]:
        """How each job ended that is over: `finished`, `diverged` or `failed`."""
        over = (name.partition(".") for name in os.listdir(self.folder / "done"))
        return {job: outcome for job, _, outcome in over if job in self.ids}

    def status(self) -> Status:
        """How far the study is."""
        from identikit.studies.claims import live

        over = self.outcomes()
        count = Counter(over.values())
        running = len(live(self.folder) - set(over))
        return Status(len(self.ids), count["finished"], count["diverged"], count["failed"], running)

    def recover(self) -> None:
        """Set right what a crash left: a job counts as done just if its record is whole."""
        # In this order: a job that a worker finishes meanwhile is then recorded and not yet seen as done.
        over = self.outcomes()
        recorded = {record["job"]: outcome(record) for record in self.records()}
        for job in self.ids & set(recorded) - set(over):
            (self.folder / "done" / f"{job}.{recorded[job]}").touch()
        for job in set(over) - set(recorded):
            (self.folder / "done" / f"{job}.{over[job]}").unlink(missing_ok=True)

    def retry(self) -> int:
        """Make every failed job one that is still to be done; returns how many there were."""
        failed = [job for job, outcome in self.outcomes().items() if outcome == "failed"]
        for job in failed:
            for claim in (self.folder / "claims").glob(f"{job}.*"):
                claim.unlink(missing_ok=True)
            (self.folder / "done" / f"{job}.failed").unlink(missing_ok=True)
        return len(failed)

    def records(self) -> list[dict[str, Any]]:
        """The records of all jobs of the study, as they were written; the last one of each job."""
        found: dict[str, dict[str, Any]] = {}
        for path in sorted((self.folder / "records").glob("*.jsonl")):
            for line in path.read_bytes().splitlines():
                record = _whole(line)
                if record is not None and record["job"] in self.ids:
                    before = found.get(record["job"])
                    if before is None or before["finished"] <= record["finished"]:
                        found[record["job"]] = record
        return list(found.values())

    def query(self, *sql: str) -> list[list[dict[str, Any]]]:
        """Ask the records with SQL.

        Args:
            sql: DuckDB queries of the table `runs`, one row for each job; its columns are `COLUMNS`.

        Returns:
            For each query its rows, as dicts; none where nothing is recorded yet.
        """
        import duckdb

        answers: list[list[dict[str, Any]]] = []
        with duckdb.connect() as connection:
            if not self._source(connection):
                return [[] for _ in sql]
            for query in sql:
                answer = connection.execute(query)
                names = [column[0] for column in answer.description or ()]
                answers.append([dict(zip(names, row, strict=True)) for row in answer.fetchall()])
        return answers

    def compact(self) -> Path | None:
        """Write all records into one Parquet file, from which the table is then read; the lines stay."""
        import duckdb

        path = self.folder / _PARQUET
        draft = self.folder / f".{_PARQUET}.{os.getpid()}"
        path.unlink(missing_ok=True)
        try:
            with duckdb.connect() as connection:
                if not self._source(connection):
                    return None
                connection.execute(f"COPY runs TO '{_quoted(draft)}' (FORMAT parquet, COMPRESSION zstd)")
            os.replace(draft, path)
        except (OSError, duckdb.IOException) as reason:
            raise InputError(f"{path} cannot be written: {str(reason).splitlines()[0]}") from None
        finally:
            draft.unlink(missing_ok=True)
        return path

    def table(self, by: str = "setting") -> Table:
        """What came out, as a table that prints; see `studies.table`."""
        from identikit.studies.table import table

        return table(self, by)

    def _source(self, connection: Any) -> bool:
        """Make `runs` of the Parquet file, or of the lines where they are newer; False without records."""
        lines = [p for p in (self.folder / "records").glob("*.jsonl") if p.stat().st_size]
        if not lines:
            return False
        kept = self.folder / _PARQUET
        if kept.exists() and kept.stat().st_mtime_ns > max(path.stat().st_mtime_ns for path in lines):
            connection.execute(f"CREATE VIEW runs AS SELECT * FROM read_parquet('{_quoted(kept)}')")
            return True
        paths = ", ".join(f"'{_quoted(path)}'" for path in lines)
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items())
        # A line that a killed worker left half written is a row of nulls here.
        connection.execute(
            f"CREATE TABLE lines AS SELECT * FROM read_json([{paths}], format='newline_delimited', "
            f"columns={{{columns}}}, ignore_errors=true) WHERE finished IS NOT NULL"
        )
        connection.execute("CREATE TABLE jobs (job VARCHAR, place BIGINT)")
        listed = ", ".join(f"('{job.id}', {place})" for place, job in enumerate(self.study.jobs))
        connection.execute(f"INSERT INTO jobs VALUES {listed}")
        connection.execute(
            "CREATE TABLE runs AS SELECT lines.* FROM lines JOIN jobs USING (job) "
            "QUALIFY row_number() OVER (PARTITION BY job ORDER BY finished DESC) = 1 ORDER BY place"
        )
        return True

    def __repr__(self) -> str:
        return f"Store({self.folder}: {self.status()})"


def outcome(record: Mapping[str, Any]) -> str:
    """How a job ended, in one of the words of `OUTCOMES`."""
    return record["status"] if record["status"] in ("diverged", "failed") else "finished"


def full(folder: Path, reason: OSError) -> InputError:
    """The sentence for a store that cannot be written."""
    return InputError(
        f"the study in {folder} cannot be written: {reason.strerror or reason}; what is recorded is safe, and the same "
        "call goes on from there"
    )


def _write(folder: Path, study: Study) -> None:
    from identikit import __version__

    about = {"format": FORMAT, "version": __version__, "study": study.json()}
    write_text(folder / "study.json", json.dumps(about, indent=2) + "\n", "study")


def _read(folder: Path) -> Study:
    path = folder / "study.json"
    if not path.exists():
        raise InputError(f"there is no study in {folder}: `identikit study run` makes one")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        written = about["format"], about["version"], about["study"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{path} is not a study that identikit wrote") from None
    if written[0] != FORMAT:
        from identikit import __version__

        word = "newer" if written[0] > FORMAT else "older"
        raise InputError(
            f"the study in {folder} was written by identikit {written[1]} in a {word} format ({written[0]}), and this "
            f"is identikit {__version__} with format {FORMAT}: use that version, or another folder"
        )
    return Study.parse(written[2])


def _check_more(folder: Path, before: Study, now: Study) -> None:
    """See that the study in the folder is part of the new one, chosen by the same rule."""
    lost = {job.id for job in before.jobs} - {job.id for job in now.jobs}
    old, new = before.json(), now.json()
    names = [name for name in old if old[name] != new[name]]
    if lost or "select" in names:
        name = "select" if "select" in names else names[0]
        raise InputError(
            f"{folder} holds a study with {name} {_short(old[name])}, and this one has {_short(new[name])}: "
            "choose another folder, or only add to the study"
        )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 60 else f"{text[:57]}..."


def _whole(line: bytes) -> dict[str, Any] | None:
    """The record in a line; None for one that is half written."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "finished" in record else None


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def lines(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Records as lines of JSON."""
    return "".join(json.dumps(record, allow_nan=False) + "\n" for record in records).encode()
