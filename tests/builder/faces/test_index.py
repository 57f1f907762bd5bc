from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.builder.faces import index
from equime_hub.builder.faces.celebahq import CelebAHQFaces
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.faces.folder import FolderFaces
from equime_hub.builder.spec import FaceSource
from equime_hub.errors import FaceError
from equime_hub.schema.records import Face
from equime_hub.schema.taxonomy import AGE_GROUPS, GENDERS, RACES
from tests.support.celeba import drawn

PATH = Path("faces.parquet")
SOURCE = DrawnFaces(4, 0, 128)

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
share = st.none() | st.floats(0, 1)
known = st.fixed_dictionaries(
    {
        "subject_id": text,
        "license": st.none() | text,
        "gender": st.none() | st.sampled_from(GENDERS),
        "gender_score": share,
        "age": st.none() | st.floats(0, 120),
        "age_score": share,
        "age_group": st.none() | st.sampled_from(AGE_GROUPS),
        "race": st.none() | st.sampled_from(RACES),
        "race_score": share,
        "demographics_source": st.none() | text,
        "declared_gender": st.none() | st.sampled_from(GENDERS),
        "declared_age": st.none() | st.floats(0, 120),
        "declared_race": st.none() | st.sampled_from(RACES),
    }
)


@given(st.lists(known, min_size=1, max_size=4))
def test_faces_come_back_as_they_were(rows: list[dict[str, Any]]) -> None:
    faces = tuple(replace(face, **row) for face, row in zip(drawn()[0], rows, strict=False))
    index.write(PATH, SOURCE, faces)
    assert index.read(PATH) == (SOURCE, faces)


@pytest.mark.parametrize(
    "source",
    [
        SOURCE,
        FolderFaces(Path("/photos"), aligned=True, license="CC0"),
        CelebAHQFaces(Path("/hq"), where="Male=1", max_yaw=20, identities=Path("/who.txt")),
    ],
    ids=lambda source: type(source).__name__,
)
def test_the_source_comes_back_too(source: FaceSource) -> None:
    index.write(PATH, source, drawn()[0])
    assert index.read(PATH)[0] == source


def test_any_table_tool_opens_it() -> None:
    faces = drawn()[0]
    index.write(PATH, SOURCE, faces)
    table = pq.read_table(PATH)
    assert table.column_names == [field.name for field in fields(Face)]
    assert table["landmarks"].to_pylist() == [list(face.landmarks.flat()) for face in faces]
    assert table.schema.field("landmarks").type == pa.list_(pa.float64())
    assert table["race_score"].type == pa.float64()
    assert table["race_score"].null_count == len(faces)
    pandas = table.to_pandas()
    assert pandas["subject_id"].tolist() == [face.subject_id for face in faces]


def test_rows_left_out_by_another_tool_are_out() -> None:
    faces = drawn()[0]
    index.write(PATH, SOURCE, faces)
    pq.write_table(pq.read_table(PATH).slice(1, 2), PATH)
    assert index.read(PATH) == (SOURCE, faces[1:3])


def test_no_face_writes_nothing() -> None:
    with pytest.raises(FaceError, match="no face to write to faces"):
        index.write(PATH, SOURCE, ())
    assert not PATH.exists()


def test_a_source_nobody_finds_again_writes_nothing() -> None:
    class Mine(DrawnFaces):
        pass

    index.write(PATH, SOURCE, drawn()[0])
    before = PATH.read_bytes()
    with pytest.raises(Exception, match="Mine is not registered"):
        index.write(PATH, Mine(1), drawn()[0])
    assert PATH.read_bytes() == before


def column(name: str, values: list[Any]) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(
        table.column_names.index(name), name, [pa.array(values, from_pandas=False)]
    )


def footer(**changes: Any) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        values = json.loads(table.schema.metadata[b"equime.faces"]) | changes
        return table.replace_schema_metadata({b"equime.faces": json.dumps(values).encode()})

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.replace_schema_metadata({}), "no index written by `equime faces`"),
        (footer(schema_version="0.9"), "made for schema 0.9, this version reads"),
        (footer(faces={"name": "webcam"}), "There is no face source 'webcam'"),
        (footer(faces={"name": "drawn", "count": 0}), "cannot draw 0 faces|Cannot draw 0 faces"),
        (footer(faces={"name": "drawn", "number": 3}), "changed by hand, or is damaged"),
        (footer(faces=[]), "changed by hand, or is damaged"),
        (lambda table: table.drop_columns(["race"]), "has the columns .*; expected .*race"),
        (lambda table: table.append_column("x", [["1"] * 4]), "has the columns .* x; expected"),
        (lambda table: table.slice(0, 0), "holds no face"),
        (column("gender", ["woman", "man", "female", None]), "row 3: gender is 'female'; expected"),
        (column("race", ["martian"] * 4), "row 1: race is 'martian'"),
        (column("age", [30.0, math.nan, 3.0, None]), "row 2: age is nan"),
        (column("age", ["old"] * 4), "changed by hand, or is damaged"),
        (column("subject_id", ["a", "b", "", "c"]), "row 3: subject_id is empty"),
        (column("subject_id", ["a", None, "b", "c"]), "damaged|row 2: subject_id is empty"),
        (column("source_image", ["a", "b", "a", "c"]), "row 3: a is there twice"),
        (column("landmarks", [[1.0] * 21] * 4), "row 1: landmarks must be 22 finite numbers"),
        (column("landmarks", [[1.0] * 21 + [math.inf]] * 4), "landmarks must be 22 finite"),
        (column("landmarks", [[1.0] * 21 + [None]] * 4), "landmarks must be 22 finite"),
    ],
)
def test_what_is_refused(change: Callable[[pa.Table], pa.Table], message: str) -> None:
    index.write(PATH, SOURCE, drawn()[0])
    pq.write_table(change(pq.read_table(PATH)), PATH)
    with pytest.raises(FaceError, match=message):
        index.read(PATH)


@pytest.mark.parametrize("content", [b"", b"subject_id\nanna\n", b"PAR1 and no more PAR1"])
def test_no_parquet_file(content: bytes) -> None:
    PATH.write_bytes(content)
    with pytest.raises(FaceError, match="is no index written by"):
        index.read(PATH)


def test_half_a_file_and_none() -> None:
    index.write(PATH, SOURCE, drawn()[0])
    PATH.write_bytes(PATH.read_bytes()[:-100])
    with pytest.raises(FaceError, match="is no index written by"):
        index.read(PATH)
    with pytest.raises(FaceError, match="There is no index of faces at nowhere"):
        index.read(Path("nowhere"))
