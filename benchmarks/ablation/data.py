"""The data of a suite: drawn where the profile draws, prepared, and proposed. Run by DVC.

    python -m benchmarks.ablation.data

It imports no torch, which every process that helps to draw and decode would load again.
"""

from pathlib import Path

from benchmarks.ablation.workspace import DATA, WORK, workspace
from stages import draw_scenes, prepare, propose
from wsdkd.settings.sections import read_params


def main() -> None:
    """Write data/ of the suite's folder."""
    params = read_params()
    with workspace(WORK / "data", params, {}):
        if params["dataset"]["format"] == "scenes":
            draw_scenes.main()
        prepare.main()
        propose.main()
        made = Path("data").resolve()
    made.rename(DATA)


if __name__ == "__main__":
    main()
