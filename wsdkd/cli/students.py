"""Which folder a student that is named on the command line lies in."""

from pathlib import Path

from wsdkd.cli.promoted import PROMOTED
from wsdkd.promotion.ledger import LEDGER
from wsdkd.promotion.store import Store

MODELS = Path("models")


def student_folder(model: str) -> Path:
    """Folder of ``promoted``, ``student``, ``baseline``, or of a student or promoted students anywhere.

    Raises:
        UserError: nothing is promoted there, or what is has been damaged.
    """
    if model == "promoted":
        return Store(PROMOTED).current_student()
    if model in ("student", "baseline"):
        return MODELS / model
    folder = Path(model)
    return Store(folder).current_student() if (folder / LEDGER).is_file() else folder
