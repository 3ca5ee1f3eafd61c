"""Copying the runs of a study into other trackers; each needs its own extra."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from identikit.errors import InputError
from identikit.studies.store import Store

_FIGURES = ("validation", "cpu_seconds", "score_seconds", "target_seconds")


def to_mlflow(store: Store, name: str, where: str | None = None) -> int:
    """Write every run into an experiment of MLflow; needs the extra `mlflow`.

    A run that was written before is left out, so that the same call again adds what is new.

    Args:
        store: the folder of the study.
        name: of the experiment.
        where: tracking address, such as `sqlite:///mlflow.db`; MLflow's own choice by default.

    Returns:
        How many runs were written.

    Raises:
        InputError: MLflow is not installed.
    """
    try:
        from mlflow.tracking import MlflowClient  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise InputError("exporting to MLflow needs it: pip install 'identikit[mlflow]'") from None

    client = MlflowClient(tracking_uri=where)
    experiment = client.get_experiment_by_name(name)
    place = experiment.experiment_id if experiment else client.create_experiment(name)
    written = 0
    for job, about, figures in _runs(store):
        if client.search_runs([place], f"tags.identikit_job = '{job}'", max_results=1):
            continue
        run = client.create_run(place, tags={"identikit_job": job}, run_name=f"{about['method']} {about['seed']}")
        for key, value in about.items():
            client.log_param(run.info.run_id, key, value)
        for key, value in figures.items():
            client.log_metric(run.info.run_id, _plain(key), value)
        client.set_terminated(run.info.run_id, "FAILED" if about["status"] == "failed" else "FINISHED")
        written += 1
    return written


def to_trackio(store: Store, name: str) -> int:
    """Write every run into a project of trackio; needs the extra `trackio`.

    Args:
        store: the folder of the study.
        name: of the project.

    Returns:
        How many runs were written.

    Raises:
        InputError: trackio is not installed.
    """
    try:
        import trackio  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise InputError("exporting to trackio needs it: pip install 'identikit[trackio]'") from None

    written = 0
    for job, about, figures in _runs(store):
        label = f"{about['method']}-{about['seed']}-{job[:8]}"
        trackio.init(project=name, name=label, config=about, embed=False)
        trackio.log({_plain(key): value for key, value in figures.items()})
        trackio.finish()
        written += 1
    return written


EXPORTERS: dict[str, Callable[..., int]] = {"mlflow": to_mlflow, "trackio": to_trackio}
"""The trackers by name."""


def _runs(store: Store) -> Iterator[tuple[str, dict[str, Any], dict[str, float]]]:
    """Each run: its job, what it was, and its figures: scores with the ends of their nulls, losses and seconds."""
    for record in store.records():
        settings, rule = record["settings"], store.study.select
        about = {name: record[name] for name in ("world", "method", "seed", "status", "reason", "data")}
        about |= {f"point.{name}": value for name, value in record["point"].items()}
        about |= {f"method.{name}": value for name, value in settings["method"]["options"].items()}
        about |= {"rows": settings["rows"], "steps": record["steps"], "rule": rule, **record["versions"]}
        figures = {name: record[name] for name in _FIGURES if record[name] is not None}
        for score in record["scores"]:
            if score["value"] is not None:
                figures[score["name"]] = score["value"]
            for null, bounds in score["nulls"].items():
                figures |= {f"{score['name']} / {null} / {end}": bounds[end] for end in ("low", "high")}
        plain = {name: json.dumps(v) if isinstance(v, list | dict) else v for name, v in about.items() if v is not None}
        yield record["job"], plain, figures


def _plain(name: str) -> str:
    """The name of a figure in letters that every tracker takes.

    >>> _plain("block_r2 a->b / permuted rows / low")
    'block_r2 a-_b / permuted rows / low'
    """
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)
