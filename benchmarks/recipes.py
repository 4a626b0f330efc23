"""What each part of distillation gives: variants of the active parameters, each by ``dvc repro``.

    python -m benchmarks.recipes                  # all variants, some minutes each on the demo's scenes
    python -m benchmarks.recipes release paper    # these alone

Teacher, cache and proposals are computed once, as DVC sees that nothing of theirs changes. At the end
params.yaml is as it was; ``dvc repro`` then brings back its results.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from wsdkd.cli.profile import customised

PARAMS, METRICS = Path("params.yaml"), Path("reports/metrics.json")

PLAIN_STAGE_1 = {"feature_weight": 1.0, "region_weight": 0.0, "label_weight": 0.0}

VARIANTS: dict[str, dict[str, object]] = {
    "as configured": {},
    "release": {"distill_features": {"recipe": "release", **PLAIN_STAGE_1}},
    "paper": {"distill_features": {"recipe": "paper", **PLAIN_STAGE_1}},
    "no region loss": {"distill_features": {"region_weight": 0.0}},
    "no feature loss": {"distill_features": {"feature_weight": 0.0}},
    "stage 2 alone": {"distill_features": {"feature_weight": 0.0, "region_weight": 0.0}},
    "stage 1 alone": {"distill_predictions": {"teacher_weight": 0.0}},
}


def main() -> None:
    """Run the variants and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("variants", nargs="*", choices=[*VARIANTS, []], help="which; all by default")
    chosen = parser.parse_args().variants or list(VARIANTS)
    original = PARAMS.read_text(encoding="utf-8")
    print("| variant | student mAP | gain over the baseline | 95 % interval | gap recovered |", flush=True)
    print("|---|---|---|---|---|", flush=True)
    try:
        for name in chosen:
            changes = [
                f"{section}.{key}={value}"
                for section, values in VARIANTS[name].items()
                for key, value in dict(values).items()  # type: ignore[call-overload]
            ]
            PARAMS.write_text(customised(original, changes, PARAMS), encoding="utf-8")
            print(_row(name), flush=True)
    finally:
        PARAMS.write_text(original, encoding="utf-8")


def _row(name: str) -> str:
    log = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"],
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if log.returncode != 0:
        raise SystemExit(f"{name}: dvc repro failed:\n{log.stdout[-3000:]}")
    metrics = json.loads(METRICS.read_text(encoding="utf-8"))
    low, high = metrics["gain_mAP_interval"]
    recovered = metrics["gap_recovered"]
    return (
        f"| {name} | {metrics['student']['mAP']:.1f} | {metrics['gain_mAP']:+.1f} "
        f"| {low:+.1f} to {high:+.1f} | {'none' if recovered is None else f'{recovered:.2f}'} |"
    )


if __name__ == "__main__":
    main()
