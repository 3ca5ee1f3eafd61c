"""The command line: one thin command for each verb of the library."""

from identikit.cli.commands import app, main
from identikit.cli.studies import study
from identikit.cli.worlds import worlds

app.add_typer(study, name="study")
app.add_typer(worlds, name="worlds")

__all__ = ["app", "main"]
