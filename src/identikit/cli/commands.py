"""The commands: each reads its input, calls the library, and prints what came out."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from identikit.cli.inputs import codes_and_truth, defaults, factors, pairs, read_data, restored
from identikit.cli.tables import print_table
from identikit.errors import IdentifiabilityWarning, InputError, unknown
from identikit.metrics.named import GROUPS, METRICS, QUICK

if TYPE_CHECKING:
    from identikit.engine import Runs
    from identikit.trust import Certificate

OUT = "runs/latest"
_FORMAT = warnings.formatwarning


class _Group(TyperGroup):
    """Commands whose bad input ends in one sentence, not in a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as reason:
            typer.echo(f"identikit: {reason}", err=True)
            raise typer.Exit(2) from None


class _Echo(logging.Handler):
    """Shows what the library logs, such as that a fit goes on from a checkpoint."""

    def emit(self, record: logging.LogRecord) -> None:
        typer.echo(record.getMessage(), err=True)


app = typer.Typer(cls=_Group, rich_markup_mode=None, no_args_is_help=True, add_completion=False)


def main() -> None:
    """Run the command line."""
    warnings.formatwarning = _said
    app(prog_name="identikit")


def _said(message: Warning | str, category: type[Warning], *where: Any) -> str:
    """A claim that cannot hold as the errors are shown, without the line of this file that calls `fit`."""
    told = issubclass(category, IdentifiabilityWarning)
    return f"identikit: warning: {message}\n" if told else _FORMAT(message, category, *where)


def _version(wanted: bool) -> None:
    if wanted:
        from identikit import __version__

        typer.echo(f"identikit {__version__}")
        raise typer.Exit


@app.callback()
def _start(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Recover the hidden factors behind data, say how far to trust them, and use them.

    Begin with: identikit demo. Each command has its own --help with examples.
    """
    log = logging.getLogger("identikit")
    if not any(isinstance(handler, _Echo) for handler in log.handlers):
        log.addHandler(_Echo())
        log.setLevel(logging.INFO)


@app.command(epilog="Example: identikit demo --out demo --quick")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for runs and report.")] = Path("demo"),
    seeds: Annotated[int, typer.Option(help="Seeds of each method.")] = 8,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer steps, for a first look.")] = False,
) -> None:
    """Fit a toy world and real pictures, score them, and write one report."""
    from identikit.demo import run

    typer.echo(f"The report is in {run(out=out, seeds=seeds, quick=quick)}")


@app.command(
    epilog="""Examples:

\b
  identikit fit imsda --data world:DomainShift --rows 9000 --seeds 8 --out runs/toy
  identikit fit imsda --data cells.parquet --domain site --x 'f*' --y outcome --out runs/cells
  identikit fit vae --data emoji --source size=16 --set latents=16 --steps 2000 --out runs/emoji
  identikit fit vae --data arrays.npz --sweep MatchPrior=0.5,1,2 --out runs/sweep
  identikit fit tdrl --data world:Temporal --past 1 --out runs/time

The same call again goes on where a killed fit stopped, and reads a finished one back."""
)
def fit(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="Name of the method; see: identikit methods.")],
    data: Annotated[str, typer.Option(help="FILE.csv, FILE.parquet, FILE.npz, a data set, or world:NAME.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints and the result.")] = Path(OUT),
    x: Annotated[str | None, typer.Option(help="Columns to learn from, names or patterns (table only).")] = None,
    y: Annotated[str | None, typer.Option(help="Column or array of labels.")] = None,
    domain: Annotated[str | None, typer.Option(help="Column or array of domains.")] = None,
    time: Annotated[str | None, typer.Option(help="Column or array of times.")] = None,
    views: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Two modalities that become x and its view.")
    ] = None,
    past: Annotated[int, typer.Option(help="Time points before each row that stand beside it.")] = 0,
    rows: Annotated[int, typer.Option(help="Rows to sample from a world.")] = 9000,
    seed: Annotated[int, typer.Option(help="Of the sample of a world, or of the split of a data set.")] = 0,
    source: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An option of the world or reader.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds to train, as one program.")] = 4,
    steps: Annotated[int | None, typer.Option(help="Training steps; the method's own by default.")] = None,
    batch: Annotated[int | None, typer.Option(help="Rows in each step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of Adam.")] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="How fast weights shrink by themselves (AdamW); the method's own by default.")
    ] = None,
    select: Annotated[str, typer.Option(help="Parameters each run keeps: last or validation.")] = "last",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="An option of the method.")
    ] = None,
    sweep: Annotated[
        list[str] | None, typer.Option(metavar="TERM=0.5,1,2", help="Factors for a term's weight.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...")] = None,
) -> None:
    """Train a method with many seeds at once."""
    import identikit as ik
    from identikit.engine import find

    options = pairs("--set", set_, find(method).options, f"option of {method}")
    sweeps = factors(sweep)
    read, truth = read_data(data, {"x": x, "y": y, "domain": domain, "time": time}, rows, seed, source, views, past)
    runs = ik.fit(
        method, read, steps=steps, seeds=seeds, sweep=sweeps, device=device, checkpoint=out, select=select,
        batch=batch, lr=lr, weight_decay=weight_decay, **options,
    )  # fmt: skip
    swept = sorted({name for run in runs.table for name in run.weights})
    header = ["seed", *swept, "status", "kept step", "validation loss"]
    lines = [[r.seed, *(r.weights[n] for n in swept), r.status, r.step, f"{r.validation:.4g}"] for r in runs.table]
    print_table(header, lines)
    if any(run.status == "interrupted" for run in runs.table):
        typer.echo("The same command again goes on from the last checkpoint.", err=True)
        raise typer.Exit(130)
    typer.echo(f"{read!r}, {runs.seconds:.1f} s, in {out}")
    after = "score" if truth is not None else "certify" if len(runs) > 1 and not swept else "report"
    typer.echo(f"Next: identikit {after} {out}")


@app.command(
    epilog="""Examples:

\b
  identikit score runs/toy
  identikit score runs/toy --metric mcc --metric block_r2 --part all
  identikit score runs/toy --metric disentanglement --plot scores.html
  identikit score codes.npz truth.npz --json scores.json

Files of any other program: codes.npz holds the array 'codes' (rows, codes) or (runs, rows, codes); truth.npz holds
'latents' (rows, latents), and may hold 'names' and 'kinds' of the latents (continuous, discrete or circular, one for
all or one for each) and the 'domain' of each row.

"""
    + f"Metrics: {', '.join(METRICS)}.\n\nGroups of them: {', '.join(GROUPS)}. Without --metric: {', '.join(QUICK)}."
)
def score(
    estimate: Annotated[
        Path, typer.Argument(metavar="RUNS|CODES", help="Folder of a fit, or a file of codes (.npz or .npy).")
    ],
    truth: Annotated[
        Path | None, typer.Argument(metavar="TRUTH", help="File of true latents (.npz or .npy), for a file of codes.")
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Only these metrics or groups, listed below.")] = None,
    part: Annotated[str, typer.Option(help="Rows to score: train, validation, test or all.")] = "test",
    json_: Annotated[Path | None, typer.Option("--json", help="Also write the scorecard here.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Also draw the scorecard here.")] = None,
) -> None:
    """Score codes against the truth, each metric beside its nulls."""
    from identikit.metrics import score as compute

    if truth is None and (estimate.is_dir() or not estimate.suffix):
        runs, known = restored(estimate)
        if known is None:
            raise InputError(f"no truth is known of the data of {estimate}: see `identikit report {estimate}` instead")
        card = compute(runs, known, metric, part)
    elif truth is None:
        raise InputError(f"{estimate} is a file of codes: name the file of true latents after it")
    else:
        codes, latents, data = codes_and_truth(estimate, truth)
        card = compute(codes, latents, metric, part, data)
    typer.echo(str(card))
    if json_ is not None:
        card.save(json_)
    if plot is not None:
        card.draw(plot)


@app.command(
    epilog="""Examples:

\b
  identikit certify runs/toy --plan
  identikit certify runs/toy
  identikit certify runs/cells --without refit
  identikit certify runs/cells --refit-seeds 4 --refit-steps 2000

Three kinds of evidence are gathered. agreement: do the other seeds find the same latents in rows that none was trained
on? refit: trained afresh on data that the fitted model has made, does the method find that model's latents again?
assumptions: do the checks that the method declares hold of these runs? The first is fast, the refit takes about as long
as the fit did.

The verdict is about what the method claims: supported, doubtful or refused, with the score to expect. It is kept in
the folder, and `identikit report` shows it. An interrupted refit goes on when the same command is given again."""
)
def certify(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a fit with at least two seeds.")],
    parts: Annotated[
        str, typer.Option(help="Evidence to gather, separated by commas.")
    ] = "agreement,refit,assumptions",
    without: Annotated[list[str] | None, typer.Option(metavar="PART", help="Leave this part out.")] = None,
    refit_seeds: Annotated[int | None, typer.Option(help="Seeds of the refit; as many as the fit by default.")] = None,
    refit_steps: Annotated[int | None, typer.Option(help="Steps of the refit; those of the fit by default.")] = None,
    which: Annotated[
        int | None, typer.Option("--run", help="Certify the run in this place, from 0; chosen by default.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print what each part will cost, and stop.")] = False,
    json_: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write it here, not to RUN/certificate.json.")
    ] = None,
) -> None:
    """Say what can be said of fitted latents without their truth; exit code 0 whatever the verdict."""
    from identikit.cli.certificates import CERTIFICATE, chosen, gather, planned

    runs, _ = restored(run)
    wanted = chosen(parts, without)
    if plan:
        print_table(("part", "about", "what it does"), planned(runs, wanted, which, refit_seeds, refit_steps))
        return
    certificate = gather(runs, run, wanted, which, refit_seeds, refit_steps)
    if certificate is None:
        typer.echo("Interrupted: the same command again goes on from the last checkpoint of the refit.", err=True)
        raise typer.Exit(130)
    typer.echo(str(certificate))
    kept = certificate.save(json_ or run / CERTIFICATE)
    typer.echo(f"\nThe certificate is in {kept}")
    if json_ is None:
        typer.echo(f"Next: identikit report {run}")


@app.command(
    epilog="""Examples:

\b
  identikit report runs/toy
  identikit report runs/vae runs/imsda --out side-by-side.html"""
)
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUNS", help="Folders of fits on the same data.")],
    out: Annotated[Path | None, typer.Option(help="The file; report.html in the first folder by default.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the page.")] = None,
) -> None:
    """Write one HTML file on fitted runs, with their certificates, which opens from disk without a network."""
    from identikit.cli.certificates import found
    from identikit.reports import report as write

    read = [(folder, *restored(folder)) for folder in runs]
    first, truth = read[0][1], read[0][2]
    named: dict[str, Runs] = {}
    certificates: dict[str, Certificate] = {}
    for folder, each, _ in read:
        if each.settings.data != first.settings.data:
            raise InputError(f"{folder} was fitted on other data than {runs[0]}: a report shows fits on one data set")
        name = each.settings.method
        name = name if name not in named else f"{name} ({folder.name})"
        named[name] = each
        if (certificate := found(folder, each)) is not None:
            certificates[name] = certificate
    path = write(named, truth=truth, path=out or runs[0] / "report.html", title=title, certificate=certificates or None)
    typer.echo(f"The report is in {path}")


@app.command(epilog="Examples: identikit methods; identikit methods imsda")
def methods(
    name: Annotated[str | None, typer.Argument(metavar="METHOD", help="One method, shown whole.")] = None,
) -> None:
    """List the methods, what they need and what they claim; or show one whole."""
    import identikit as ik
    from identikit.engine import METHODS, find

    assert ik.methods
    if name is None:
        rows = [(m.name, m.title, ", ".join(m.needs) or "x alone", m.claim.identifies) for m in METHODS.values()]
        print_table(("method", "idea", "needs", "identifies"), rows)
        return
    method = find(name)
    typer.echo(f"{method.name}: {method.title}")
    typer.echo(f"paper: {method.paper}")
    typer.echo(f"needs: {', '.join(('x', *method.needs))}" + f", {method.domains} domains" * bool(method.domains))
    typer.echo(f"claims to identify: {method.claim.identifies}, up to {method.claim.up_to}")
    for assumption in method.claim.assumes:
        typer.echo(f"  if: {assumption}")
    typer.echo("options (--set NAME=VALUE):")
    print_table(("name", "default"), method.options.items())
    checked = f"identikit verify {name}" if method.checks else "nothing: no check is written"
    typer.echo(f"its claim is run by: {checked}")


@app.command(epilog="Examples: identikit datasets; identikit datasets dsprites")
def datasets(
    name: Annotated[str | None, typer.Argument(metavar="DATA", help="One data set, with its options.")] = None,
) -> None:
    """List the data sets that come with the library, and those that it fetches; or show one."""
    from identikit.datasets import DOWNLOADED, SHIPPED

    known = {**SHIPPED, **DOWNLOADED}
    if name is None:
        rows = [(n, "comes along" if n in SHIPPED else "is fetched", each.about) for n, each in known.items()]
        print_table(("data set", "", "what it holds"), rows)
        return
    if name not in known:
        raise unknown("data set", name, known)
    each = known[name]
    typer.echo(f"{name}: {each.about}\n  truth: {each.truth}\n  licence: {each.licence}")
    typer.echo(f"options (identikit fit METHOD --data {name} --source NAME=VALUE):")
    print_table(("name", "default"), defaults(each.read).items())


@app.command(epilog="Examples: identikit verify imsda --seeds 8; identikit verify all --worlds 4 --first 1000")
def verify(
    methods: Annotated[list[str], typer.Argument(metavar="METHOD...", help="Names of methods, or: all.")],
    seeds: Annotated[int, typer.Option(help="Runs in each world.")] = 4,
    worlds: Annotated[int, typer.Option(help="Random worlds for each check.")] = 2,
    first: Annotated[int, typer.Option(help="Number of the first world; from 1000 on, no bound was set on them.")] = 0,
) -> None:
    """Run the worlds in which a method's claim should hold, and in which it should fail; exit code 1 if not so."""
    import identikit as ik
    from identikit.engine import METHODS, find

    names = [name for name, method in METHODS.items() if method.checks] if methods == ["all"] else methods
    for name in names:
        if not find(name).checks:
            raise InputError(f"no check of the claim of {name} is written, so there is nothing to run")
    failed = []
    for name in names:
        result = ik.methods.verify(name, seeds=seeds, worlds=worlds, first=first)
        rows = [
            (row.says, f"{row.mean:.2f}", f"{row.low:.2f} to {row.high:.2f}", row.bound, "ok" if row.ok else "NOT MET")
            for row in result.rows
        ]
        print_table(("check", "mean", "low to high", "wanted", "verdict"), rows)
        said = "holds where it should and fails where it should" if result.ok else "is NOT borne out"
        typer.echo(f"{name}: the claim {said}")
        failed += [] if result.ok else [name]
    if len(names) > 1:
        typer.echo(f"{len(names) - len(failed)} of {len(names)} claims are borne out")
    if failed:
        raise typer.Exit(1)
