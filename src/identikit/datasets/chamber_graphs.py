"""Which settings of the causal chambers reach which sensors."""

from __future__ import annotations

import numpy as np

from identikit.errors import InputError

_PLACES = ("1", "2", "3")
_LIGHT = ("red", "green", "blue")
_FANS = ("load_in", "load_out")


def _tunnel_of_light(camera: bool) -> dict[str, tuple[str, ...]]:
    """Each sensor with what reaches it."""
    into: dict[str, tuple[str, ...]] = {"current": (*_LIGHT, "osr_c", "v_c")}
    for place in ("1", "2"):
        into[f"angle_{place}"] = (f"pol_{place}", f"osr_angle_{place}", f"v_angle_{place}")
    for place in _PLACES:
        # Only the third sensor stands behind both polarisers.
        reaches = (*_LIGHT, f"l_{place}1", f"l_{place}2", *(("pol_1", "pol_2") if place == "3" else ()))
        for band in ("ir", "vis"):
            into[f"{band}_{place}"] = (*reaches, f"diode_{band}_{place}", f"t_{band}_{place}")
    if camera:
        into["im"] = (*_LIGHT, "pol_1", "pol_2", "aperture", "shutter_speed", "iso")
    return into


def _tunnel_of_wind(pressure_control: bool) -> dict[str, tuple[str, ...]]:
    into: dict[str, tuple[str, ...]] = {
        "signal_1": ("pot_1", "osr_1", "v_1"),
        "signal_2": ("pot_1", "pot_2", "osr_2", "v_2"),
    }
    into["mic"] = ("pot_1", "hatch", *_FANS, "osr_mic", "v_mic")
    for side in ("in", "out"):
        into[f"current_{side}"] = (*_FANS, f"osr_{side}", f"v_{side}")
        into[f"rpm_{side}"] = (*_FANS, "hatch", f"res_{side}")
    for place in ("upwind", "downwind", "intake"):
        into[f"pressure_{place}"] = (*_FANS, "hatch", f"osr_{place}")
    into["pressure_ambient"] = ("osr_ambient",)
    if pressure_control:
        into |= dict.fromkeys(_FANS, ("pressure_downwind",))
    return into


def chamber_graph(chamber: str, configuration: str = "standard") -> tuple[tuple[str, ...], np.ndarray]:
    """The graph of a chamber as its builders state it and tested it by intervention.

    Args:
        chamber: `lt`, the light tunnel, or `wt`, the wind tunnel.
        configuration: `standard`; `camera` for a light tunnel whose camera is on (`im` is the picture); or
            `pressure-control` for a wind tunnel whose fans a controller drives (there the graph has a cycle). What a
            chamber does not have is left out.

    Returns:
        The names of its variables, sorted, and the graph, (variables, variables) 0/1, entry (i, j) for i to j.

    Raises:
        InputError: an unknown chamber or configuration.

    Source: Gamella, Peters and Bühlmann 2025 (arXiv:2404.11341), with the package causalchamber (MIT).

    >>> names, graph = chamber_graph("lt")
    >>> len(names), int(graph.sum())
    (38, 57)
    >>> [names[i] for i in graph[:, names.index("angle_1")].nonzero()[0]]
    ['osr_angle_1', 'pol_1', 'v_angle_1']
    """
    if chamber not in ("lt", "wt"):
        raise InputError(f"a chamber is lt (light tunnel) or wt (wind tunnel), not '{chamber}'")
    if configuration not in ("standard", "camera", "pressure-control"):
        raise InputError(f"a configuration is standard, camera or pressure-control, not '{configuration}'")
    light = chamber == "lt"
    into = (
        _tunnel_of_light(configuration == "camera") if light else _tunnel_of_wind(configuration == "pressure-control")
    )
    names = tuple(sorted({*into, *(parent for parents in into.values() for parent in parents)}))
    graph = np.zeros((len(names), len(names)), np.int64)
    for child, parents in into.items():
        graph[[names.index(parent) for parent in parents], names.index(child)] = 1
    return names, graph
