"""Studies: worlds x methods x seeds, done by workers anywhere, kept in a folder."""

from identikit.studies.entry import Entry
from identikit.studies.job import Job
from identikit.studies.launch import LAUNCHERS, run
from identikit.studies.store import Status, Store
from identikit.studies.study import Study
from identikit.studies.table import Table

__all__ = ["LAUNCHERS", "Entry", "Job", "Status", "Store", "Study", "Table", "run"]
