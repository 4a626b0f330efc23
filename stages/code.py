"""Stage ``code``: what each other stage runs, written down under data/code.

data/code/NAME has a line for every module that the stage NAME imports: a digest of what it does, and its
name. The stage depends on that file, so it reruns when one of its modules does something else.
"""

from pathlib import Path

from stages.run import run
from wsdkd import project
from wsdkd.ground.code import Sources, written
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_folder

FOLDER = Path(__file__).parent


def main() -> None:
    """Write the files of all stages, from one reading of the code.

    Raises:
        UserError: a module was edited meanwhile, and DVC would take the edited one for what is written here.
    """
    sources = Sources()
    with publish_folder(project.CODE) as aside:
        for name in stage_names():
            (aside / name).write_text(written(sources.digests(f"stages.{name}")), encoding="utf-8")
        for path in sources.edited():
            raise UserError(f"{path}: edited while stage code read it; run again: dvc repro")


def stage_names() -> list[str]:
    """The modules beside this one that ``python -m`` runs."""
    names = [
        path.stem
        for path in sorted(FOLDER.glob("*.py"))
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    ]
    return [name for name in names if name != "code"]


if __name__ == "__main__":
    run(main, "code")
