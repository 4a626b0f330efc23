"""``wsdkd promoted``: put a student in use, look at those that were, go back to one."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from wsdkd import project
from wsdkd.cli.places import require_project
from wsdkd.evaluation.files import rounded
from wsdkd.ground.errors import UserError
from wsdkd.serving.consider import consider as consider_student
from wsdkd.serving.decision import Decision
from wsdkd.serving.ledger import LEDGER, Event
from wsdkd.serving.provenance import Code, Sources, working_code
from wsdkd.serving.store import Store
from wsdkd.settings.sections import PARAMS_FILE

STUDENT = project.STUDENT
SOURCES = Sources(
    params=PARAMS_FILE,
    images=project.IMAGES,
    classes=project.CLASSES,
    lock=Path("dvc.lock"),
    cache=project.TEACHER_CACHE,
    baseline=project.BASELINE,
)

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The student in use, and those before it.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]


@app.command("consider")
def consider(
    model: Annotated[Path, typer.Option(help="Folder of the student.")] = STUDENT,
    force: Annotated[
        bool, typer.Option("--force", help="Promote it whatever the comparison says; this is recorded.")
    ] = False,
    as_json: AsJson = False,
    run: Annotated[str | None, typer.Option(help="Name of the run it comes from, for the record.")] = None,
    commit: Annotated[
        str | None, typer.Option(help="Commit it was made by; by default the one checked out here.")
    ] = None,
    dirty: Annotated[
        list[str], typer.Option(metavar="PATH", help="A file not as in --commit; repeatable.")
    ] = [],  # noqa: B006, typer copies it
) -> None:
    """Promote a student if it is better than the promoted one by params.yaml, section promotion.

    The status is 0 whether it is promoted or refused.
    """
    if commit is None and dirty:
        raise UserError("--dirty needs --commit")
    if model == STUDENT:
        require_project()
    here = Code(commit=commit, dirty=tuple(dirty), run=run)
    code = working_code(Path(), run) if commit is None else here
    decision = consider_student(model, Store(project.PROMOTED), SOURCES, code, force=force)
    if as_json:
        _print_json(decision.model_dump(mode="json"))
    else:
        _print_decision(decision, model)


@app.command("list")
def list_versions(as_json: AsJson = False) -> None:
    """List all promoted versions, and which one is in use."""
    require_project()
    store = Store(project.PROMOTED)
    ledger = store.ledger()
    rows = [_row(store, event, ledger.current) for event in ledger.events if event.event == "promoted"]
    if as_json:
        _print_json(rows)
    elif not rows:
        typer.echo(f"{project.PROMOTED}: no student is promoted yet; promote one: wsdkd promoted consider")
    else:
        table = Table(box=box.SIMPLE_HEAD, header_style="bold")
        for name in ("", "version", "promoted, UTC", "metric", "percent", "run", "commit", ""):
            table.add_column(name, justify="right" if name in ("version", "percent") else "left")
        for row in rows:
            table.add_row(
                "*" if row["current"] else "",
                str(row["version"]),
                # Its seconds would not fit into 80 columns.
                f"{row['time'][:16].replace('T', ' ')}",
                row["metric"],
                "-" if row["value"] is None else f"{row['value']:.2f}",
                row["run"] or "-",
                (row["commit"] or "-")[:10],
                "files deleted" if row["path"] is None else "forced" if row["forced"] else "",
            )
        Console(highlight=False, markup=False).print(table)


@app.command("show")
def show(
    version: Annotated[int | None, typer.Argument(help="By default the one in use.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say where a promoted version lies, how it was measured and what it was made of."""
    store = _store()
    ledger = store.ledger()
    if version is None:
        store.current_student()  # refuses where there is none, or a damaged one
        version = ledger.current
    assert version is not None  # noqa: S101
    store.check_version(version, ledger)
    found: dict[str, Any] = {
        "version": version,
        "current": version == ledger.current,
        "path": str(store.path(version)),
        "metrics": store.metrics(version).model_dump(mode="json"),
        "provenance": store.provenance(version).model_dump(mode="json"),
    }
    if as_json:
        _print_json(found)
        return
    typer.echo(f"version {version}{', in use' if found['current'] else ''}: {found['path']}")
    for part in ("metrics", "provenance"):
        typer.echo(f"{part}, figures in percent" if part == "metrics" else part)
        for line in _lines(found[part], "  "):
            typer.echo(line)


@app.command("rollback")
def rollback(
    version: Annotated[int | None, typer.Argument(help="By default the one it replaced.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put an earlier version in use again; the one left is promoted again with --force alone."""
    store = _store()
    before, after = store.roll_back(version)
    if as_json:
        _print_json({"version": after, "previous": before})
    else:
        typer.echo(f"version {after} is in use again, in place of {before}: {store.path(after)}")


@app.command("rebuild")
def rebuild(
    use: Annotated[
        int | None,
        typer.Option(metavar="VERSION", help="To be in use; by default the last that is whole."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build promoted.json anew, where it is lost or damaged, from what the versions say of themselves.

    What was rolled back is not known any more: name with --use the version that shall be in use.
    """
    store = _store()
    made = store.rebuild(use)
    assert made.ledger.current is not None  # noqa: S101, there is a version
    if as_json:
        _print_json(made.ledger.model_dump(mode="json"))
        return
    for reason in made.left_out:
        typer.echo(f"left out: {reason}", err=True)
    if made.damaged is not None:
        typer.echo(f"{made.damaged}: the file that was there before")
    versions = ", ".join(map(str, made.ledger.versions))
    typer.echo(f"{project.PROMOTED / LEDGER}: built from the versions {versions}")
    typer.echo(f"version {made.ledger.current} is in use: {store.path(made.ledger.current)}")
    if use is None and len(made.ledger.versions) > 1:
        typer.echo("it is the last that is whole; if it had been rolled back: wsdkd promoted rollback")


def _store() -> Store:
    """The students that were promoted here; they need no project around them."""
    if not project.PROMOTED.exists():
        require_project()
    return Store(project.PROMOTED)


def _row(store: Store, event: Event, current: int | None) -> dict[str, Any]:
    path = store.path(event.version)
    row = {"version": event.version, "current": event.version == current, "time": event.time}
    if not path.is_dir():
        # Old versions may be deleted; they stay in the list, as events that happened.
        return {
            **row,
            "metric": "",
            "value": None,
            "run": None,
            "commit": None,
            "forced": False,
            "path": None,
        }
    provenance, metrics = store.provenance(event.version), store.metrics(event.version)
    return {
        **row,
        "metric": metrics.metric,
        "value": None if metrics.candidate is None else metrics.candidate[metrics.metric],
        "run": provenance.code.run,
        "commit": provenance.code.commit,
        "forced": provenance.forced,
        "path": str(path),
    }


def _print_decision(decision: Decision, model: Path) -> None:
    if decision.decision == "promoted":
        typer.echo(f"promoted: {model} is in use as version {decision.version}")
    elif decision.decision == "refused":
        stays = "nothing is" if decision.version is None else f"version {decision.version} stays"
        typer.echo(f"refused: {model}; {stays} in use")
    else:
        typer.echo("unchanged")
    for reason in decision.reasons:
        typer.echo(f"  {reason}")


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(rounded(value), ensure_ascii=False, indent=1, allow_nan=False))


def _lines(values: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for name, value in values.items():
        if isinstance(value, dict) and value:
            lines += [f"{indent}{name}", *_lines(value, indent + "  ")]
        elif isinstance(value, list):
            lines.append(f"{indent}{name:14} {'; '.join(map(str, value)) or '-'}")
        else:
            lines.append(f"{indent}{name:14} {'-' if value is None or value == {} else value}")
    return lines
