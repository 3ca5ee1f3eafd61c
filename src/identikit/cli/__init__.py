"""The command line: one thin command for each verb of the library."""

from identikit.cli.commands import app, main

__all__ = ["app", "main"]
