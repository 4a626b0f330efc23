"""Which folder a student that is named on the command line lies in."""

from pathlib import Path

from wsdkd import project
from wsdkd.serving.store import LEDGER, Store


def student_folder(model: str) -> Path:
    """Folder of ``promoted``, ``student``, ``baseline``, or of a student or promoted students anywhere.

    Raises:
        UserError: nothing is promoted there, or what is has been damaged.
    """
    if model == "promoted":
        return Store(project.PROMOTED).current_student()
    if model in ("student", "baseline"):
        return project.MODELS / model
    folder = Path(model)
    return Store(folder).current_student() if (folder / LEDGER).is_file() else folder
