"""How much of a model's scores is left when its clips are attacked, made worse, or held still.

Attacks act on what the model is given (`models.surfaces`); what makes clips worse acts on all of
their frames, before the face is looked for. Two controls ask whether motion is seen at all:
`static` shows the first frame throughout, `shuffled` all frames in another order. What a model
still scores on a static clip over guessing, it reads from a still face.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equime_hub import seeds
from equime_hub.errors import DatasetError, ModelError, VideoError
from equime_hub.evaluation import log
from equime_hub.evaluation.evaluate import PartScores, evaluate
from equime_hub.models.attacks import Attack, attacked, cross_entropies
from equime_hub.models.inputs import Values, inputs_of
from equime_hub.models.saved import SavedModel
from equime_hub.models.surfaces import Surface, surface_of
from equime_hub.prediction.clips import enough_memory, left_out, reasons, softmax
from equime_hub.progress import Progress
from equime_hub.robustness.degradations import CONTROLS, DEFAULT, Degradation
from equime_hub.training.data.examples import Examples
from equime_hub.video import timing

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["clean", "attack", "control", "degradation"]
Probabilities = npt.NDArray[np.float32]

CLEAN = "clean"


@dataclass(frozen=True)
class Trial:
    """A model and the clips that it is tested on.

    Attributes:
        model: The model.
        examples: Clips it was not trained on, with the model's classes.
        folds: Name of the fold of each clip; None names its dataset.
        seed: Of the training of the model.
    """

    model: SavedModel
    examples: Examples
    folds: tuple[str, ...] | None = None
    seed: int = 0


@dataclass(frozen=True)
class RobustnessConfig:
    """What is done to the clips.

    Attributes:
        attacks: Attacks; none with epsilon 0, which is what "clean" is.
        degradations: Ways to make clips worse, the controls among them.
        batch_size: Clips at a time.
        level: Coverage of the bootstrap intervals over people; 0 for none.
        draws: Bootstrap draws.
        seed: Seed of shuffled frames, noise and bootstrap draws.
    """

    attacks: tuple[Attack, ...] = ()
    degradations: tuple[Degradation, ...] = DEFAULT
    batch_size: int = 8
    level: float | None = 0.95
    draws: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class Condition:
    """What was done to all clips, and what was left.

    Attributes:
        name: In words, such as "FGSM, ε = 2".
        kind: Which of the four it is.
        done: The attack or degradation; None for clean clips.
        part: Scores, as `evaluation.evaluate` gives them for all clips.
        kept: UF1 over that of clean clips; None if that is 0.
        changed: Share of clips that are given another class than when clean.
        loss: Mean cross-entropy.
    """

    name: str
    kind: Kind
    done: Attack | Degradation | None
    part: PartScores
    kept: float | None
    changed: float
    loss: float

    @property
    def uf1(self) -> float:
        """Pooled over the folds."""
        return self.part.scores["uf1"].mean


@dataclass(frozen=True)
class Robustness:
    """What `robustness` found.

    Attributes:
        classes: All classes.
        unit: Of epsilon.
        conditions: Clean clips first.
        notes: Sentences that belong to every score.
        broken: Clip that cannot be decoded → why.
    """

    classes: tuple[str, ...]
    unit: str
    conditions: tuple[Condition, ...]
    notes: tuple[str, ...]
    broken: Mapping[str, str] = field(default_factory=dict)

    @property
    def clean(self) -> Condition:
        """The clips as they are."""
        return self.conditions[0]

    @property
    def guessing(self) -> float:
        """The best UF1 of predictors that look at no clip: one class, or by frequency, or any."""
        return max(row.uf1 for row in self.clean.part.report.baselines.values())

    def condition(self, kind: str) -> Condition | None:
        """The first control or degradation of that kind, such as "static"; None without."""
        for each in self.conditions:
            if isinstance(each.done, Degradation) and each.done.kind == kind:
                return each
        return None


def robustness(
    trials: Sequence[Trial], config: RobustnessConfig, progress: Progress | None = None
) -> Robustness:
    """Test models on clean, attacked and degraded clips; folds are summed before any score.

    Args:
        trials: One for each fold; all models of one kind with the same classes.
        config: What is done to the clips.
        progress: Called with clips done and clips to do.

    Raises:
        DatasetError: No clip can be decoded.
        ModelError: The models have different classes or inputs, or refuse a clip.
    """
    runs = [_Test(trial, config) for trial in trials]
    unit, classes = runs[0].surface.unit, trials[0].model.classes
    if any((run.surface.unit, run.trial.model.classes) != (unit, classes) for run in runs):
        raise ModelError(
            "The models of all folds need the same classes and the same kind of input."
        )
    total = sum(len(trial.examples) for trial in trials)
    done = 0
    for count in chain([0], *(run.steps() for run in runs)):
        done += count
        if progress:
            progress(done, total)
    broken = {name: why for run in runs for name, why in run.broken.items()}
    if not any(run.rows for run in runs):
        raise DatasetError(f"None of {len(broken):,} clips can be decoded: {reasons(broken)}.")
    return _summary(runs, config, unit, classes, broken)


class _Test:
    """One trial under way: what was predicted so far."""

    def __init__(self, trial: Trial, config: RobustnessConfig) -> None:
        model = trial.model
        if trial.examples.classes != model.classes:
            raise ModelError(
                f"{model.name} has the classes {', '.join(model.classes)}, and the "
                f"clips {', '.join(trial.examples.classes)}; gather them with the model's."
            )
        self.trial, self.config = trial, config
        self.inputs = inputs_of(model.processor, model.model.config)
        self.surface = surface_of(model.processor, self.inputs)
        self.rows: list[int] = []
        self.found: dict[str, list[Probabilities]] = {}
        self.broken: dict[str, str] = {}

    def steps(self) -> Iterator[int]:
        """Work through the clips; yields how many are done with each step."""
        size = self.config.batch_size
        for start in range(0, len(self.trial.examples), size):
            rows = range(start, min(start + size, len(self.trial.examples)))
            batch = {row: made for row in rows if (made := self._prepared(row)) is not None}
            if batch:
                self._predict([*batch], [*batch.values()])
            yield len(rows)

    def _prepared(self, row: int) -> dict[str, Values] | None:
        """One clip under every condition but the attacks."""
        examples = self.trial.examples
        try:
            video, when = examples.video(row), examples.moments(row)
            # As in training: pixels of decoded clips are rounded once more.
            made = {CLEAN: self.inputs.prepare(video, when).values}
            clip = video.clip()
            seed = seeds.derive("degraded", self.config.seed, examples.names[row])
            for each in self.config.degradations:
                made[each.words] = self.inputs.prepare(each(clip, seed), when).values
        except VideoError as error:
            self.broken[examples.names[row]] = str(error)
            return None
        return made

    def _predict(self, rows: list[int], batch: list[dict[str, Values]]) -> None:
        import torch

        model, surface, examples = self.trial.model, self.surface, self.trial.examples
        labels = torch.from_numpy(examples.labels[rows]).to(model.model.device)

        def losses(points: Sequence[Tensor]) -> Tensor:
            return cross_entropies(model.model, surface.inputs(points), labels)

        def keep(condition: str, inputs: Mapping[str, Tensor]) -> None:
            self.found.setdefault(condition, []).append(softmax(model, inputs))

        with enough_memory(model, len(rows)):
            for condition in batch[0]:
                keep(condition, self.inputs.finish([clip[condition] for clip in batch]))
            clean = Surface.points([clip[CLEAN] for clip in batch], model.model.device)
            names = [examples.names[row] for row in rows]
            for attack in self.config.attacks:
                points = attacked(
                    losses, clean, attack, low=surface.low, high=surface.high, names=names
                )
                keep(attack.words, surface.inputs(points))
        self.rows += rows


def _summary(
    runs: Sequence[_Test],
    config: RobustnessConfig,
    unit: str,
    classes: tuple[str, ...],
    broken: dict[str, str],
) -> Robustness:
    runs = [run for run in runs if run.rows]
    named: dict[str, tuple[Kind, Attack | Degradation | None]] = {CLEAN: ("clean", None)}
    named |= {attack.words: ("attack", attack) for attack in config.attacks}
    for each in config.degradations:
        named[each.words] = ("control" if each.kind in CONTROLS else "degradation", each)
    labels = np.concatenate([run.trial.examples.labels[run.rows] for run in runs])
    found = {
        name: np.concatenate([batch for run in runs for batch in run.found[name]]) for name in named
    }
    columns = _columns(runs)
    conditions: list[Condition] = []
    for name, (kind, done) in named.items():
        chances, choice = found[name], found[name].argmax(axis=1)
        cells = {**columns, "reference": labels, "prediction": choice, "probabilities": chances}
        scored = evaluate(
            log.of(cells, classes), by_dataset=False, level=config.level or None,
            draws=config.draws, seed=config.seed,
        ).part()  # fmt: skip
        uf1 = scored.scores["uf1"].mean
        before = conditions[0].uf1 if conditions else uf1
        likely = chances[np.arange(len(labels)), labels].clip(1e-12)
        conditions.append(
            Condition(
                name, kind, done, scored,
                kept=uf1 / before if before else None,
                changed=float((choice != found[CLEAN].argmax(axis=1)).mean()),
                loss=float(-np.log(likely).mean()),
            )
        )  # fmt: skip
    notes = tuple(_notes(runs, unit, config, broken))
    return Robustness(classes, unit, tuple(conditions), notes, broken)


def _columns(runs: Sequence[_Test]) -> dict[str, Any]:
    """What a prediction log says of the clips themselves."""
    table = pa.concat_tables([run.trial.examples.table.take(pa.array(run.rows)) for run in runs])
    tested = [(run.trial, row) for run in runs for row in run.rows]
    return {
        "clip_id": table["clip_id"].to_pylist(),
        "subject_id": table["subject_id"].to_pylist(),
        "dataset": table["source_dataset"].to_pylist(),
        "fold": [
            trial.folds[row] if trial.folds else trial.examples.datasets[row] or "test"
            for trial, row in tested
        ],
        "seed": [trial.seed for trial, _ in tested],
    }


def _notes(
    runs: Sequence[_Test], unit: str, config: RobustnessConfig, broken: Mapping[str, str]
) -> Iterator[str]:
    rates = [fps for run in runs for fps in run.trial.examples.table["fps"].to_pylist() if fps]
    if idle := [
        each.words
        for each in config.degradations
        if each.kind == "fps" and rates and timing.exact(each.amount) >= timing.exact(max(rates))
    ]:
        yield (
            f"No clip has more than {max(rates):g} frames per second, so that nothing is taken "
            f"away by: {', '.join(idle)}."
        )
    if config.attacks:
        where = "the optical flow itself" if runs[0].inputs.kind == "flow" else (
            "the cropped and shrunk frames, before they are normalised, and are not rounded"
        )  # fmt: skip
        yield f"Attacks know the weights. ε is in {unit}; they act on {where}."
    frames = runs[0].inputs.num_frames
    if frames == 1 and runs[0].inputs.kind != "flow":
        yield "The model is shown one frame, so it cannot see motion."
    yield from dict.fromkeys(note for run in runs for note in run.trial.examples.notes)
    if broken:
        yield left_out(broken)
