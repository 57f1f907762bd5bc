"""The model card of a training: what was learnt from whom, and what it scores beside guessing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from equime_hub.cards import model_card
from equime_hub.cards.model_card import BASELINES, OURS, ModelFacts, Score, TrainingData
from equime_hub.evaluation import evaluate as evaluation
from equime_hub.evaluation import protocols, selection
from equime_hub.evaluation.log import PredictionLog
from equime_hub.metrics.report import Row
from equime_hub.models.surfaces import FLOW, GREY
from equime_hub.training.fit import run_manifest
from equime_hub.training.fit.folds import Training
from equime_hub.training.fit.plan import TrainingPlan
from equime_hub.training.fit.training import Fitted

_SCORES = ("uf1", "uar", "accuracy", "weighted_f1")
_PROTOCOLS = {
    "splits": "The splits of the data, in which no person is in two.",
    "loso": "Leave one subject out.",
    "k-fold": "Folds by person.",
    "lodo": "Leave one dataset out.",
    "train-test": "Trained on some datasets, tested on others.",
    "dfme": "The parts of DFME as CCAC 2024 divides it.",
}
_BALANCE = {
    "none": "none",
    "weights": "rarer classes weigh more in the loss",
    "sampling": "classes are drawn equally often",
}
_LIMITS = (
    "It was trained on faces seen from the front, most of them in a laboratory or made by a "
    "program; other faces, light and compression may change what it says.",
    "It says what a face looks like, never what somebody feels; it must not be used to judge "
    "people.",
)


def text(
    plan: TrainingPlan,
    training: Training,
    log: PredictionLog,
    fitted: Fitted,
    name: str,
    license: str | None,
) -> str:
    """The card as Markdown.

    Args:
        plan: The run.
        training: Which of its trainings.
        log: Its predictions.
        fitted: What came of it.
        name: Of the model.
        license: Of the model; None is that of its data if they have one, or else "other".
    """
    seed = log.table["seed"][0].as_py()
    data = tuple(_data(plan, training))
    licences = {each.licence for each in data}
    if "," in "".join(licences) or "unknown" in licences:
        licences = set()
    start, config = plan.start, plan.config
    return model_card.render(
        ModelFacts(
            name=name,
            # The Hub's identifiers of licences are in lower case.
            license=license or (licences.pop().lower() if len(licences) == 1 else "other"),
            model_type=start.model.config.model_type,
            parameters=start.parameters,
            labels=plan.examples.classes,
            training=data,
            protocol=_protocol(plan, training),
            selection=_selection(plan, training, fitted),
            scores=tuple(_scores(plan, training, log)),
            preprocessing=_preprocessing(plan, seed),
            limits=(*_LIMITS, *_unseen(plan, training)),
            base_model=None if _is_local(config.init) else config.init,
            started=_started(config.init),
            usage=_usage(name),
        )
    )


def _data(plan: TrainingPlan, training: Training) -> Iterator[TrainingData]:
    table, people = plan.examples.table, plan.examples.people()
    names = np.where(plan.examples.datasets == "", "unknown", plan.examples.datasets)
    licences = table["license"].to_pylist()
    for name in np.unique(names[training.train]).tolist():
        rows = training.train[names[training.train] == name].tolist()
        known = sorted({licences[row] or "unknown" for row in rows})
        yield TrainingData(
            name=name,
            licence=", ".join(known),
            revision=plan.examples.fingerprint[:12],
            clips=len(rows),
            people=len({people[row] for row in rows}),
        )


def _protocol(plan: TrainingPlan, training: Training) -> str:
    config = plan.config
    said = _PROTOCOLS[config.protocol]
    if len(plan.trainings) > 1:
        said += f" These weights are of the fold {training.name}, one of {len(plan.trainings)}."
    donors = plan.examples.table["au_source_subject"]
    if donors.null_count < len(donors):
        said += " No clip was learnt from whose action units are those of a tested person."
    return said


def _selection(plan: TrainingPlan, training: Training, fitted: Fitted) -> str:
    config = plan.config
    rule = selection.stored_name(config.selection)
    epoch, epochs = fitted.epoch + 1, len(fitted.history)
    if config.selection == selection.LAST:
        return f"The last of {epochs} epochs ({rule})."
    where = "the test itself" if selection.is_leaky(rule) else (
        f"{len(training.validation):,} clips of people kept out of training"
    )  # fmt: skip
    return f"Epoch {epoch} of {epochs}, the best {config.monitor} on {where} ({rule})."


def _scores(plan: TrainingPlan, training: Training, log: PredictionLog) -> Iterator[Score]:
    protocol = plan.config.protocol
    separate = protocols.named(protocol).separate
    found = evaluation.evaluate(log, protocol if separate else None, level=None)
    datasets = sorted({name for name in log.table["dataset"].to_pylist() if name})
    for part in found.parts:
        whole = part.name in datasets
        name = part.name if whole else "+".join(datasets) or part.name
        tests = " + ".join(training.tests)
        rows: dict[str, Row] = {OURS: next(iter(part.by_seed.values()))}
        rows |= {guess: part.report.baselines[guess] for guess in BASELINES}
        for who, row in rows.items():
            yield Score(
                predictor=who,
                dataset=name,
                split=tests if not separate else "all" if whole else part.name,
                clips=part.clips,
                values={score: float(getattr(row, score)) for score in _SCORES},
            )


def _preprocessing(plan: TrainingPlan, seed: int) -> dict[str, str]:
    config, processor = plan.config, plan.start.processor
    found = {"labels": f"by the map {config.label_map}" if config.label_map else "as in the data"}
    found["frames"] = str(plan.inputs.num_frames or "all")
    for key in ("sampling", "input_kind", "face_crop", "crop_margin", "standardize", "pad"):
        if (value := getattr(processor, key, None)) is not None:
            found[key.replace("_", " ")] = str(value)
    if size := dict(getattr(processor, "size", None) or {}):
        found["size"] = " × ".join(str(side) for side in size.values() if side)
    found["augmentation"] = "mild, all frames of a clip alike" if config.augment else "none"
    found["optimisation"] = (
        f"{config.optimizer}, learning rate {config.learning_rate:g} ({config.schedule}), weight "
        f"decay {config.weight_decay:g}, batches of {config.batch_size}, {config.precision}, "
        f"seed {seed}"
    )
    found["balance of classes"] = _BALANCE[config.balance]
    if config.adversarial is not None:
        unit = FLOW if plan.inputs.kind == "flow" else GREY
        found["adversarial training"] = f"FGSM, epsilon {config.adversarial:g} ({unit})"
    return found


def _unseen(plan: TrainingPlan, training: Training) -> Iterator[str]:
    seen = set(plan.examples.labels[training.train].tolist())
    if lost := [n for i, n in enumerate(plan.examples.classes) if i not in seen]:
        yield f"It has never seen a clip of {', '.join(lost)}, and does not know what that is."


def _is_local(init: str | None) -> bool:
    return init is not None and Path(init).exists()


def _started(init: str | None) -> str:
    """Of weights on this machine the card names their data, not where they lie."""
    if not _is_local(init):
        return ""
    before = run_manifest.pretraining(init) if run_manifest.run_of(init) else ()
    return f"It started from weights that were trained on {', '.join(before) or 'unknown data'}."


def _usage(name: str) -> str:
    return f"""import equime_hub  # registers the model
from transformers import pipeline

classify = pipeline("video-classification", model="ORG/{name}")
print(classify("clip.mp4"))"""
