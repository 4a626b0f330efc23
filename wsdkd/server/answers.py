"""What the server answers: labels and scores of a picture, or why there are none."""

from pydantic import BaseModel

REFUSALS = {
    404: "there is no such student",
    413: "the file is larger than is taken",
    422: "no usable picture, or an option that cannot be",
    429: "as many pictures wait as may: try again",
    503: "not answered in time, or no student can be loaded",
}


class Label(BaseModel):
    """A label that is given."""

    name: str
    score: float


class Answer(BaseModel):
    """What a student says of a picture."""

    student: str
    version: str | None
    """Of a promoted student."""
    labels: list[Label]
    """Those above their thresholds, or as asked for; the best first."""
    scores: dict[str, float]
    """Calibrated probability of each class."""
    thresholds: dict[str, float]
    heat: dict[str, str]
    """Where asked for, of the best labels: a grey PNG as a data URL, over the whole picture."""


class RefusedError(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
