"""What a cross-evaluation finds: cells by model, training set and test set."""

from __future__ import annotations

from dataclasses import dataclass

from equime_hub.evaluation import selection
from equime_hub.evaluation.evaluate import MeanScore
from equime_hub.metrics.report import Row
from equime_hub.metrics.spread import Spread


@dataclass(frozen=True)
class Cell:
    """One model, trained on one set of datasets, on one test set.

    Attributes:
        model: Its name.
        train: Datasets trained on, sorted and joined by " + ".
        test: The test set.
        within: The test set is one of those trained on; its protocol kept the people apart.
        protocol: None if unknown.
        selection: None if unknown.
        seeds: Seeds of training.
        scores: By the names of `metrics.report.NAMES`, mean over the seeds.
        mean_confidence: Mean of the largest probability; None without probabilities.
        calibration_error: Expected calibration error, all seeds together. It has no interval: a
            resampled error lies above that of the clips themselves.
        constant: The only class that is ever predicted, whatever the seed; None if there are more.
        constant_seeds: Seeds that only ever predict one class.
    """

    model: str
    train: str
    test: str
    within: bool
    protocol: str | None
    selection: str | None
    seeds: tuple[int, ...]
    scores: dict[str, MeanScore]
    mean_confidence: MeanScore | None
    calibration_error: float | None
    constant: str | None
    constant_seeds: tuple[int, ...]

    @property
    def leaky(self) -> bool:
        """The test had a say in what was selected."""
        return selection.is_leaky(self.selection)

    @property
    def condition(self) -> str:
        """What is compared over training sets: model and test set."""
        return f"{self.model} → {self.test}"


@dataclass(frozen=True)
class TestSet:
    """What is tested, and what it gives to predictors that look at no clip.

    Attributes:
        name: The dataset; with the fold behind it if the protocol reports folds apart.
        clips: How many.
        people: How many.
        references: Class → clips.
        constant_class: The class that `constant` always says.
        baselines: Scores of `constant`, `prior` and `chance`.
    """

    __test__ = False  # not pytest's

    name: str
    clips: int
    people: int
    references: dict[str, int]
    constant_class: str
    baselines: dict[str, Row]


@dataclass(frozen=True)
class Bounded:
    """A spread, and the interval of its standard deviation; None without."""

    spread: Spread
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Steadiness:
    """How much one score depends on the training set.

    Attributes:
        sd: Mean over the conditions of the standard deviation over training sets.
        conditions: Model and test set → its spread over training sets.
        training_sets: Training set → its spread over models and test sets.
        left_out: Conditions with a single training set.
    """

    sd: MeanScore
    conditions: dict[str, Bounded]
    training_sets: dict[str, Bounded]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Matrix:
    """All cells with the same classes.

    Attributes:
        classes: The classes, sorted.
        cells: Those that there are, in the order of the runs.
        tests: The test sets.
        steadiness: Score → how much it depends on the training set; empty if nothing was trained
            on two.
    """

    classes: tuple[str, ...]
    cells: tuple[Cell, ...]
    tests: tuple[TestSet, ...]
    steadiness: dict[str, Steadiness]

    @property
    def leaky(self) -> bool:
        """A test had a say in what was selected for it."""
        return any(cell.leaky for cell in self.cells)

    def rows(self) -> list[tuple[str, str]]:
        """Models and training sets, those of a model together."""
        models = list(dict.fromkeys(cell.model for cell in self.cells))
        pairs = dict.fromkeys((cell.model, cell.train) for cell in self.cells)
        return sorted(pairs, key=lambda pair: models.index(pair[0]))

    def cell(self, model: str, train: str, test: str) -> Cell | None:
        """One cell; None if it is missing."""
        wanted = (model, train, test)
        return next((c for c in self.cells if (c.model, c.train, c.test) == wanted), None)


@dataclass(frozen=True)
class Cross:
    """What `compare` found.

    Attributes:
        level: Coverage of the intervals; None without.
        draws: Bootstrap draws.
        matrices: One for each set of classes, the smallest set first.
    """

    level: float | None
    draws: int
    matrices: tuple[Matrix, ...]

    @property
    def leaky(self) -> bool:
        """A test had a say in what was selected for it."""
        return any(matrix.leaky for matrix in self.matrices)

    def title(self, matrix: Matrix) -> str:
        """How many classes a matrix has, and which if another one has as many."""
        size = f"{len(matrix.classes)} classes"
        alone = sum(len(each.classes) == len(matrix.classes) for each in self.matrices) == 1
        return size if alone else f"{size} ({', '.join(matrix.classes)})"

    def shared(self) -> list[tuple[str, str, str]]:
        """Model, training set and test set of the cells that are in several matrices."""
        found = [(c.model, c.train, c.test) for matrix in self.matrices for c in matrix.cells]
        return [name for name in dict.fromkeys(found) if found.count(name) > 1]
