"""Clips whose action units come from people who are tested: found and left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from equime_hub.errors import DatasetError
from equime_hub.splits.people import People

if TYPE_CHECKING:
    from equime_hub.loading_script.pyav import Data

_COLUMN = "au_source_subject"


def drop_donors(data: Data, subjects: Iterable[str]) -> Data:
    """The dataset without clips whose action units were taken from `subjects`.

    MiE-X's leakage rule: what is trained on must not know the people of the test fold. No video
    is decoded.

    Args:
        data: A dataset or a stream, or a dictionary of them by split.
        subjects: People of the test fold, as "casme2/sub01"; "sub01" alone is that subject of
            any dataset, and a clip that names a donor without dataset is dropped for a subject of
            any.

    Raises:
        DatasetError: The column `au_source_subject` is not there.
        PlanError: `subjects` is one text instead of a list.
    """
    dropped: Data = _drop(data, People.of(subjects))
    return dropped


def _drop(data: Any, people: People) -> Any:
    if isinstance(data, dict):
        return type(data)({split: _drop(rows, people) for split, rows in data.items()})
    if data.column_names is None or _COLUMN not in data.column_names:
        raise DatasetError(
            f"The column {_COLUMN} is not there, so nothing says whose action units these are: "
            "drop donors before it is removed, and before map on a stream."
        )

    def keep(donors: list[str | None]) -> list[bool]:
        return [donor not in people for donor in donors]

    return data.filter(keep, input_columns=[_COLUMN], batched=True)
