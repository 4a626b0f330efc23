"""What a finished run shows on its page: tables and pictures."""

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from prefect.client.schemas.objects import State

from flows.pipeline import Outcome
from flows.project import METRICS, PICTURES, REPORT, ROOT

NETWORKS = ("baseline", "teacher", "student")
PICTURE_WIDTH = 1200  # pixels; the page shows less, and the server keeps each picture


def show_stages(rows: Sequence[dict[str, str]], description: str) -> None:
    """The table of stages: what became of each, how long it took, how to repeat it."""
    create_table_artifact(table=list(rows), key="stages", description=description)


def stage_row(name: str, state: State[Any], outcome: Outcome | None) -> dict[str, str]:
    """A line of the table of stages; ``outcome`` is None where the stage did not come to an end."""
    return {
        "stage": name,
        "state": state.name or state.type.value,
        "seconds": f"{outcome.seconds:.1f}" if outcome else "",
        "by hand": outcome.command if outcome else "",
        "message": "" if outcome else (state.message or ""),
    }


def show_metrics(root: Path = ROOT) -> None:
    """The figures of the last evaluation, a column a network; nothing where there is none."""
    path = root / METRICS
    if not path.exists():
        return
    metrics = json.loads(path.read_text(encoding="utf-8"))
    names = [name for name, value in metrics["student"].items() if isinstance(value, int | float)]
    table = [
        {
            "metric (test split, percent)": name,
            **{each: _figure(metrics[each].get(name)) for each in NETWORKS},
        }
        for name in names
    ]
    described = f"gain of distillation: {metrics['gain_mAP']:+.2f} points of mAP"
    if metrics.get("gap_recovered") is not None:
        described += f", {metrics['gap_recovered']:.2f} of the teacher's lead recovered"
    create_table_artifact(table=table, key="metrics", description=described)


def show_promotion(decision: dict[str, Any]) -> None:
    """The candidate against the promoted student, on the validation split, and what was decided."""
    candidate, promoted = decision.get("candidate") or {}, decision.get("promoted") or {}
    lines = [f"**{decision['decision']}**", ""]
    lines += [f"- {reason}" for reason in decision.get("reasons", [])]
    if candidate:
        lines += ["", "| validation split, percent | this run's student | promoted student | difference |"]
        lines += ["|---|---:|---:|---:|"]
        for name, value in candidate.items():
            other = promoted.get(name)
            both = isinstance(value, int | float) and isinstance(other, int | float)
            gap = f"{value - other:+.2f}" if both else ""
            lines.append(f"| {name} | {_figure(value)} | {_figure(other)} | {gap} |")
    if decision.get("interval"):
        low, high = decision["interval"]
        of_what = f"Interval of the difference in {decision.get('metric')}"
        lines += ["", f"{of_what}: {low:+.2f} to {high:+.2f} points."]
    create_markdown_artifact("\n".join(lines), key="promotion", description="Promotion")


def show_report(root: Path = ROOT) -> None:
    """Where the page with the result lies; it is too large for the server to keep one of each run."""
    path = root / REPORT
    if not path.exists():
        return
    text = (
        f"[{REPORT}]({path.resolve().as_uri()}) shows the result as a page: classes with their pictures, "
        "mistakes, training curves. A browser follows this link only from its address bar. On the machine of "
        "the run `wsdkd show --html --open` opens the page, with speeds and commit; elsewhere, where runs "
        f"push, `dvc pull {REPORT}` fetches it."
    )
    create_markdown_artifact(text, key="report", description="The result as a page")


def show_pictures(root: Path = ROOT) -> None:
    """The pictures of the last evaluation, within the artifacts: a server elsewhere has no such files."""
    for path in sorted((root / PICTURES).glob("*.png")):
        create_image_artifact(
            image_url=picture_url(path),
            key=f"picture-{path.stem.replace('_', '-')}",
            description=path.relative_to(root).as_posix(),
        )


def picture_url(path: Path) -> str:
    """A picture as a data URL, no wider than :data:`PICTURE_WIDTH`."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if picture.width > PICTURE_WIDTH:
        picture = picture.resize((PICTURE_WIDTH, round(picture.height * PICTURE_WIDTH / picture.width)))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _figure(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, int | float) else ""
