"""The command line: one thin command for each verb of the library."""

from identikit.cli.commands import app, main
from identikit.cli.structure import EXAMPLES, discover
from identikit.cli.studies import study
from identikit.cli.worlds import worlds

app.command(epilog=EXAMPLES)(discover)
app.add_typer(study, name="study")
app.add_typer(worlds, name="worlds")

__all__ = ["app", "main"]
