"""What distillation gives, over seeds, and what each of its parts gives.

    python -m benchmarks.ablation --profile scenes --seeds 5
    python -m benchmarks.ablation --profile cards --seeds 5 --set dataset.root=PATH
    python -m benchmarks.ablation --profile cards --seeds 5 --splits --set dataset.root=PATH
    python -m benchmarks.ablation --profile auto --seeds 5 --variants crops --set dataset.root=PATH
    python -m benchmarks.ablation --profile scenes --seeds 2 --variants baseline,teacher,both
    python -m benchmarks.ablation --profile scenes --name scenes-unlabelled --seeds 5 --variants fewer
    python -m benchmarks.ablation --profile scenes --name scenes-students --seeds 2 --variants students
    python -m benchmarks.ablation --profile scenes --name scenes-peers --seeds 2 --variants peers

Each cell, a variant with a seed, is a stage of a DVC repository below data/ablation/NAME: finished ones
are never computed again, and a killed run goes on. Tables and charts go to reports/ablation/NAME.
"""

import json
import os
import platform
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.ablation import charts, plan, results, tables
from benchmarks.ablation.variants import (
    ALL,
    BASELINE,
    CROPS,
    FEW_UNLABELLED,
    FEWER_LABELS,
    OURS,
    PEERS,
    RIVALS,
    STUDENTS,
    TEACHER,
    VARIANTS,
    changed,
)
from benchmarks.command import run
from wsdkd.data.tables import Split
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_folder
from wsdkd.ground.origin import versions
from wsdkd.ground.workers import worker_count
from wsdkd.profiles import PROFILES, customised, parse_profile
from wsdkd.settings.sections import ParamsError, parse_params

REPORTS = Path("reports/ablation")
GROUPS = {
    "crops": [BASELINE, TEACHER, OURS, "random_regions", *CROPS],
    "fewer": [BASELINE, OURS, *FEWER_LABELS],
    "rivals": [BASELINE, OURS, "random_regions", "rival", *RIVALS],
    "peers": [BASELINE, TEACHER, OURS, *PEERS],
    "students": [BASELINE, TEACHER, OURS, *STUDENTS],
}
"""Sets of variants that belong together, by name."""
PACKAGES = ("torch", "torchvision", "timm", "numpy", "scipy")


def main(
    profile: Annotated[str, typer.Option(help="A profile under profiles/.")] = "scenes",
    seeds: Annotated[int, typer.Option(min=1, help="This many, from 0.")] = 5,
    variants: Annotated[
        str,
        typer.Option(help=f"Some of {', '.join(VARIANTS)}, all by default; or a set: {', '.join(GROUPS)}."),
    ] = "",
    changes: Annotated[
        list[str], typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a parameter; repeatable.")
    ] = [],  # noqa: B006, typer copies it
    name: Annotated[str, typer.Option(help="Of the suite; the profile's by default.")] = "",
    title: Annotated[str, typer.Option(help="Of the suite in a table of suites; its name by default.")] = "",
    jobs: Annotated[
        int, typer.Option(help="Cells side by side; 0: as many as cores, or one with a GPU.")
    ] = 0,
    splits: Annotated[
        bool, typer.Option(help="Each seed sets its images aside anew: it is added to dataset.split_seed.")
    ] = False,
    on: Annotated[str, typer.Option(help="val to choose parameters by; test for results.")] = "test",
) -> None:
    """Train what is missing, then write tables and charts."""
    chosen = GROUPS.get(variants) or (variants.split(",") if variants else list(VARIANTS))
    unknown = [each for each in chosen if each not in ALL]
    if unknown:
        raise UserError(f"--variants {unknown[0]}: unknown; allowed: {', '.join(VARIANTS)}")
    if on not in ("val", "test"):
        raise UserError(f"--on {on}: expected val or test")
    split: Split = "val" if on == "val" else "test"
    source = PROFILES / f"{profile}.yaml"
    if not source.is_file():
        raise UserError(f"--profile {profile}: no such file as {source}")
    params = parse_params(customised(source.read_text(encoding="utf-8"), changes, source), source)
    _check(chosen, params, source)
    home = results.home_of(name or profile)
    found: list[tuple[results.Judge, list[results.Row]]] = []
    for part, changed_params, numbers in parts(home, params, seeds, splits, source):
        plan.write_home(part, changed_params, numbers, [split])
        plan.run(part, plan.cells(chosen, numbers), jobs or _jobs())
        by = results.judge(part, split)
        found.append((by, results.collect(part, plan.cells(chosen, numbers), by)))
    rows = [row for _, some in found for row in some]
    command = shown(sys.argv[1:])
    with publish_folder(REPORTS / (name or profile)) as aside:
        (aside / "results.csv").write_text(results.to_csv(rows), encoding="utf-8")
        (aside / "run.json").write_text(
            _provenance(title or name or profile, command, [by for by, _ in found]), encoding="utf-8"
        )
        written = [tables.main_table(rows), tables.parts_table(rows)]
        written += [tables.fewer_table(rows)] if FEW_UNLABELLED in chosen else []
        (aside / "table.md").write_text("\n\n".join(written) + "\n", encoding="utf-8")
        charts.draw_gains(rows, aside / "gains.png")
        if {BASELINE, OURS} <= set(chosen) and not splits:  # of one test split
            charts.draw_classes(home, seeds, by, aside / "classes.png")
    typer.echo((REPORTS / (name or profile) / "table.md").read_text(encoding="utf-8"))


def parts(
    home: Path, params: dict[str, Any], seeds: int, splits: bool, source: Path
) -> Iterator[tuple[Path, dict[str, Any], Sequence[int]]]:
    """Of each split its folder, its parameters and its seeds; one part where all seeds share one split."""
    if not splits:
        yield home, params, range(seeds)
        return
    if "split_seed" not in params["dataset"]:
        raise UserError(f"--splits: {source}: dataset.format {params['dataset']['format']} has fixed splits")
    for seed in range(seeds):
        dataset = {**params["dataset"], "split_seed": params["dataset"]["split_seed"] + seed}
        yield home / f"split-{seed}", {**params, "dataset": dataset}, [seed]


def _check(chosen: Sequence[str], params: Mapping[str, Any], source: Path) -> None:
    # Before anything is trained: a variant's cell is reached after its teacher's.
    for name in chosen:
        try:
            parse_profile(changed(params, ALL[name], 0), source)
        except ParamsError as error:
            raise UserError(f"--variants {name}: {error}") from None


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"{platform.machine()}, no GPU"


def _jobs() -> int:
    return 1 if torch.cuda.is_available() else worker_count()


def shown(arguments: Sequence[str]) -> str:
    """The command as one types it, but for a dataset's folder, which is the user's own."""
    public = ("dataset.root=PATH" if each.startswith("dataset.root=") else each for each in arguments)
    return shlex.join(["python", "-m", "benchmarks.ablation", *public])


def _provenance(title: str, command: str, judges: Sequence[results.Judge]) -> str:
    by, images = judges[0], sorted({len(each.truth.labels) for each in judges})
    content = {
        "title": title,
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {_device()}",
        "versions": versions(PACKAGES),
        "split": by.split,
        "images": " or ".join(map(str, images)),
        **({"splits": len(judges)} if len(judges) > 1 else {}),
        "classes": len(by.classes),
    }
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    run(main)
