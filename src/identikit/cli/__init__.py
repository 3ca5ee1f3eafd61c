"""The command line: one thin command for each verb of the library."""

from identikit.cli.commands import app, main
from identikit.cli.studies import study

app.add_typer(study, name="study")

__all__ = ["app", "main"]
