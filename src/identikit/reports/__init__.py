"""The report: one self-contained HTML page on fitted runs, and the parts to make a page of your own."""

from identikit.reports.html import Html, table
from identikit.reports.page import Page, Section
from identikit.reports.pictures import picture_grid
from identikit.reports.plots import plot
from identikit.reports.report import report, study
from identikit.reports.sources import restore

__all__ = ["Html", "Page", "Section", "picture_grid", "plot", "report", "restore", "study", "table"]
