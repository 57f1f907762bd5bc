"""The text log in which MEGC 2019 took predictions.

The form is taken from public logs of participants, not from the rules themselves. CapsuleNet's
log (Quang et al. 2019, `result_log.csv` of its repository) has these lines::

    casme2 sub01
    EP02_01f 1 1
    EP19_05f 0 0
    smic 20
    s20_ne_01 0 1

A line of two words opens a fold: the dataset and the subject that is left out. Each line of three
below it is one clip: its name, and two classes as numbers, 0 negative, 1 positive, 2 surprise.
Spaces or tabs stand between; blank lines mean nothing; the opening line may be repeated.

**Which of the two classes is the true one differs between participants**: CapsuleNet's log has
the reference first; the code of xiaobaishu0097/MEGC2019 writes the prediction first, and opens a
fold with one word, which is not read here. Swapped, accuracy and UF1 stay the same, and UAR
silently becomes the mean precision. So the order is an argument, and the names of SMIC's clips,
which tell their class (ne, po, sur), are held against it.

The form has neither probabilities nor seeds, and clip names are unique only within a subject. So
a clip is named "dataset/subject/name" here, its fold "dataset/subject".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from equime_hub.errors import DatasetError
from equime_hub.evaluation.log.columns import of
from equime_hub.evaluation.log.record import PredictionLog
from equime_hub.files import write_text
from equime_hub.schema.taxonomy import EMOTIONS_3
from equime_hub.splits.people import full_name

Order = Literal["reference-first", "prediction-first"]

_SMIC = re.compile(r"s\d+_(ne|po|sur)_\d+")
_SMIC_CLASSES = {"ne": 0, "po": 1, "sur": 2}


class _Line(NamedTuple):
    number: int
    dataset: str
    subject: str
    clip: str
    reference: int
    prediction: int


def from_megc(
    path: Path,
    classes: Sequence[str] = EMOTIONS_3,
    order: Order = "reference-first",
    seed: int = 0,
) -> PredictionLog:
    """Read a log of MEGC 2019.

    Args:
        path: Text file in UTF-8.
        classes: The class of each number.
        order: Which of the two classes of a line is the true one.
        seed: Seed of the training, which the file does not tell.

    Raises:
        DatasetError: No such file, a line of another form, a class that has no number here, SMIC
            clips whose names contradict the order, or what `checks.check` refuses.
    """
    try:
        lines = list(_lines(path.read_text(encoding="utf-8-sig"), len(classes), order))
        _demand_order(lines, classes, order)
        people = [full_name(line.dataset, line.subject) for line in lines]
        columns = {
            "clip_id": [f"{who}/{line.clip}" for who, line in zip(people, lines, strict=True)],
            "subject_id": [line.subject for line in lines],
            "dataset": [line.dataset for line in lines],
            "fold": people,
            "seed": seed,
            "reference": [line.reference for line in lines],
            "prediction": [line.prediction for line in lines],
        }
        return of(columns, classes)
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read as text in UTF-8: {error}.") from error
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from error


def to_megc(log: PredictionLog, path: Path, order: Order = "reference-first") -> None:
    """Write a log in the form of MEGC 2019; people in the order of their names, clips as they lie.

    `from_megc` reads the same predictions, of which this form holds clip, subject, dataset and
    the two classes.

    Raises:
        DatasetError: Several seeds, a person without dataset or tested in a fold with others, or
            a name with a space in it, which the form cannot tell apart.
    """
    rows = log.table.select(
        ["dataset", "subject_id", "clip_id", "fold", "seed", "reference", "prediction"]
    ).to_pylist()
    if len(seeds := {row["seed"] for row in rows}) > 1:
        raise DatasetError(
            f"The log has the seeds {', '.join(map(str, sorted(seeds)))}; this form holds one "
            "prediction a clip, so write a file for each seed."
        )
    number = {name: index for index, name in enumerate(log.classes)}
    who, names = log.people()
    texts: list[list[str]] = [[] for _ in names]
    whose: dict[str, str] = {}
    for row, person in zip(rows, who.tolist(), strict=True):
        subject = names[person].removeprefix(f"{row['dataset']}/")
        clip = row["clip_id"].removeprefix(f"{names[person]}/")
        if not row["dataset"] or any(
            word.split() != [word] for word in (row["dataset"], subject, clip)
        ):
            raise DatasetError(
                f"The clip {row['clip_id']!r} of {names[person]!r} has no dataset, or a space in a "
                "name; lines of this form are words with spaces between them."
            )
        if whose.setdefault(row["fold"], names[person]) != names[person]:
            raise DatasetError(
                f"The fold {row['fold']!r} tests {whose[row['fold']]} and {names[person]}; this "
                "form is for leave-one-subject-out, one person a fold."
            )
        first, second = _ordered((number[row["reference"]], number[row["prediction"]]), order)
        if not texts[person]:
            texts[person].append(f"{row['dataset']} {subject}")
        texts[person].append(f"{clip} {first} {second}")
    write_text(path, "".join(f"{line}\n" for lines in texts for line in lines))


def _lines(text: str, classes: int, order: Order) -> Iterator[_Line]:
    dataset = subject = ""
    for number, line in enumerate(text.splitlines(), 1):
        match line.split():
            case []:
                continue
            case [dataset, subject]:
                continue
            case [clip, first, second] if (
                dataset and subject and {first, second} <= {str(index) for index in range(classes)}
            ):
                pair = _ordered((int(first), int(second)), order)
                yield _Line(number, dataset, subject, clip, *pair)
            case _:
                raise DatasetError(
                    f"Line {number} is {line!r}; expected 'dataset subject', or below such a line "
                    f"'clip class class' with classes from 0 to {classes - 1}."
                )


def _demand_order(lines: Sequence[_Line], classes: Sequence[str], order: Order) -> None:
    """Hold the order against what the names of SMIC's clips tell."""
    if tuple(classes) != EMOTIONS_3:
        return
    wrong = [
        line
        for line in lines
        if line.dataset.lower() == "smic"
        and (match := _SMIC.fullmatch(line.clip))
        and _SMIC_CLASSES[match[1]] != line.reference
    ]
    if wrong:
        line, *_ = wrong
        pair = _ordered((line.reference, line.prediction), order)
        raise DatasetError(
            f"Line {line.number} is 'smic … {line.clip} {pair[0]} {pair[1]}', whose name tells "
            f"another class than its reference if the order is {order}. Try the other order "
            "(reference-first, prediction-first), or correct the line."
        )


def _ordered(pair: tuple[int, int], order: Order) -> tuple[int, int]:
    """Reference and prediction as a line has them; twice gives the pair back."""
    return pair if order == "reference-first" else (pair[1], pair[0])
