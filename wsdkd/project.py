"""Where the stages read and write, relative to the project. Method code knows none of these."""

from pathlib import Path

PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
"""What DVC recorded of the last run of each stage."""

DATA = Path("data")
RESUME = DATA / ".resume"
"""Work of interrupted stages; DVC knows nothing of it, or it would delete or upload it."""
UNPACKED = RESUME / "unpacked"
"""What several processes read of a table, unpacked once (:mod:`wsdkd.ground.unpacked`)."""
CODE = DATA / "code"
"""A file a stage: the modules that it imports, with their digests."""
SCENES = DATA / "scenes"
"""The drawn dataset; only where ``dataset.format`` is scenes."""

LISTING = DATA / "listing"
"""A table of the files of a dataset, with digests, that DVC watches in its place; where one asks for it."""
LISTING_INDEX = RESUME / "listing.parquet"
"""Digests of these files, and what they are trusted by."""

PREPARED = DATA / "prepared"
IMAGES = PREPARED / "images.parquet"
OBJECTS = PREPARED / "objects.parquet"
CLASSES = PREPARED / "classes.json"
REJECTED = PREPARED / "rejected.csv"
AUDIT = PREPARED / "audit.json"
"""What is to be known of the dataset; ``wsdkd data`` shows it."""
PHOTOGRAPHS = PREPARED / "photographs"
"""Those that lay within Parquet files, unpacked; empty for all other datasets."""
CORRECTIONS = Path("inputs") / "corrections"
"""Files of labels that people corrected; ``dataset.corrections`` names one."""

PROPOSALS = DATA / "proposals"
TEACHER_CACHE = DATA / "teacher_cache"
CACHE_SCRATCH = RESUME / "teacher_cache"
"""Finished shards, for the next run."""
FOLDS = DATA / "folds"
FOLD_SCORES = FOLDS / "scores.parquet"
"""Scores of training images by students that did not learn from them; only where ``doubts.folds`` asks."""

MODELS = Path("models")
TEACHER = MODELS / "teacher"
BASELINE = MODELS / "baseline"
STUDENT_FEATURES = MODELS / "student_features"
"""The student between the two stages of distillation."""
STUDENT = MODELS / "student"
PROMOTED = MODELS / "promoted"
"""The students in use, now and before; no stage reads or writes it."""

REPORTS = Path("reports")
CURVES = REPORTS / "curves"
"""One folder of training curves a training stage: teacher, baseline, features, student."""
METRICS = REPORTS / "metrics.json"
ACCURACY = REPORTS / "accuracy.json"
"""The part of the metrics that holds no timings."""
SUMMARY = REPORTS / "summary.json"
"""The few of its figures that ``dvc metrics`` and ``dvc exp show`` compare."""
PER_CLASS = REPORTS / "per_class.csv"
PRECISION_RECALL = REPORTS / "precision_recall.csv"
TENSORBOARD, MLFLOW = REPORTS / "tensorboard", REPORTS / "mlflow.db"
"""Curves for trackers, where somebody asks for them; no stage reads them."""
REPORT = REPORTS / "report.html"
"""The page that shows all of it."""
SHOWN = REPORTS / "shown.html"
"""The same with what differs from run to run, which ``wsdkd show --html`` writes; no stage knows of it."""
PICTURES = REPORTS / "pictures"
DATA_PAGE = REPORTS / "data.html"
"""What ``wsdkd data`` writes; no stage knows of it."""
LABELS_PAGE = REPORTS / "labels.html"
"""What ``wsdkd labels`` writes; no stage knows of it."""
REGIONS = REPORTS / "regions.png"
"""What ``wsdkd show regions`` draws; no stage knows of it."""


def shared_by(path: Path) -> Path | None:
    """Where processes share what they unpack of a file: of ours alone, and where a stage has run."""
    ours = path.absolute().is_relative_to(DATA.absolute()) and RESUME.is_dir()
    return UNPACKED.absolute() if ours else None
