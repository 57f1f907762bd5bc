from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equime_hub.errors import DatasetError
from equime_hub.reports.samples import METRICS, Sample, read

PSNR = METRICS[0]


def from_text(text: str, name: str = "some.csv") -> Sample:
    Path(name).write_text(text, encoding="utf-8")
    return read(Path(name))


@pytest.mark.parametrize("prefix", ["avg_{}", "{}_mean", "{}"])
def test_published_columns_are_known_in_both_spellings(prefix: str) -> None:
    keys = ("psnr", "ssim", "tv", "brisque", "clip_iqa")
    header = ",".join(["directory", *(prefix.format(k) for k in keys), "size_mb", "bitrate_kbps"])
    sample = from_text(header + "\na/1,40,.9,20,8,.5,24,67000\na/2,41,.8,21,-9,.4,23,66000\n")
    assert sample.name == "some"
    assert sample.size == 2
    assert {k: list(v) for k, v in sample.values.items()} == {
        "psnr": [40, 41],
        "ssim": [0.9, 0.8],
        "tv": [20, 21],
        "brisque": [8, -9],
        "clip_iqa": [0.5, 0.4],
        "size_mib": [24, 23],
        "bitrate_kbps": [67000, 66000],
    }
    assert sample.columns["psnr"] == prefix.format("psnr")


def test_unknown_cells_are_not_numbers_and_equal_frames_are_capped() -> None:
    sample = from_text("\ufeffPSNR , tv\n40,N/A\n,nan\ninf,None\n100,\n")
    np.testing.assert_array_equal(sample.values["psnr"], [40, math.nan, 100, 100])
    assert "tv" not in sample.values
    assert list(sample.known(PSNR)) == [40, 100, 100]
    assert list(sample.known(METRICS[2])) == []


def test_frame_rate_size_people_and_emotions_come_from_columns() -> None:
    sample = from_text(
        "psnr,num_frames,duration_s,width,height,subject,emotion,size_bytes\n"
        "40,161,6.708333333333333,256,256,b,anger,1048576\n"
        "40,50,2,640,480,a,Happiness,524288\n"
        "40,48,2,256,256,b,confused,0\n"
    )
    assert sample.fps == (24.0, 25.0)
    assert sample.frame_sizes == ((256, 256), (640, 480))
    assert sample.subjects is not None
    assert list(sample.subjects) == [1, 0, 1]
    assert sample.emotions == ("happiness", "anger", "confused")
    assert list(sample.values["size_mib"]) == [1, 0.5, 0]


def test_one_unknown_cell_makes_rate_people_and_emotions_unknown() -> None:
    sample = from_text("psnr,fps,subject_id,emotion\n40,25,a,anger\n40,,,\n")
    assert sample.fps == ()
    assert sample.subjects is None
    assert sample.emotions == ()


def test_emotions_come_from_folders_if_every_path_names_one() -> None:
    assert from_text(
        "video_path,psnr\n/x/disgust/f_1.mp4,40\n/x/disgust/m_2.mp4,41\n"
    ).emotions == ("disgust",)
    assert from_text("video_path,psnr\n/x/disgust/f_1.mp4,40\n/x/m_2.mp4,41\n").emotions == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("psnr,ssim\n", "holds no clip"),
        ("psnr,accepted\n40,False\n", "1 that failed a gate"),
        ("psnr\n40\nhigh\n", "psnr in row 3 is 'high'"),
        ("psnr,ssim\n40\n", "row 2 has 1 cells, the first row 2"),
        ("psnr;ssim\n40;1\n", "no column of a metric; its columns are psnr;ssim"),
        ("name,size\na,1\n", "avg_psnr"),
    ],
)
def test_bad_files_are_sentences(text: str, told: str) -> None:
    with pytest.raises(DatasetError, match=r"some\.csv") as error:
        from_text(text)
    assert told in str(error.value)


def test_bytes_are_no_csv() -> None:
    Path("some.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DatasetError, match="no CSV file"):
        read(Path("some.csv"))


def test_a_dataset_is_read_by_its_labels_alone(dataset: Path) -> None:
    for path in dataset.glob("data/*"):
        path.unlink()
    sample = read(dataset, "mine")
    labels = pa.concat_tables(pq.read_table(p) for p in sorted(dataset.glob("metadata/*.parquet")))
    assert sample.name == "mine"
    assert sample.size == 40
    assert sample.subjects is not None
    assert len(set(sample.subjects)) == 8
    assert sample.emotions == ("happiness", "sadness", "surprise", "disgust", "anger")
    assert sample.fps == (50.0,)
    assert sample.frame_sizes == ((64, 64),)
    assert list(sample.values["bitrate_kbps"]) == labels["bitrate_kbps"].to_pylist()
    np.testing.assert_allclose(
        sample.values["size_mib"] * 2**20, np.array(labels["size_bytes"].to_pylist())
    )


def test_rejected_clips_are_left_out_unless_wanted(dataset: Path) -> None:
    (path,) = dataset.glob("metadata/train-*.parquet")
    table = pq.read_table(path)
    accepted = [False, *[True] * (len(table) - 1)]
    place = table.column_names.index("accepted")
    pq.write_table(table.set_column(place, "accepted", [accepted]), path)
    assert (read(dataset).size, read(dataset).rejected) == (39, 1)
    everything = read(dataset, rejected=True)
    assert (everything.size, everything.rejected) == (40, 0)


def test_clips_of_a_folder_are_measured() -> None:
    for name in ("anger/b.mp4", "anger/a.AVI", "notes.txt"):
        path = Path("clips") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    steps: list[tuple[int, int]] = []
    sample = read(
        Path("clips"),
        measure=lambda path: {"psnr": float(path.name == "b.mp4"), "fps": 25, "tv": None},
        progress=lambda done, total: steps.append((done, total)),
    )
    assert sample.name == "clips"
    assert list(sample.values["psnr"]) == [0, 1]
    assert sample.emotions == ("anger",)
    assert steps == [(0, 2), (1, 2), (2, 2)]
    with pytest.raises(DatasetError, match="cannot be measured here"):
        read(Path("clips"))


def test_nothing_there_is_a_sentence() -> None:
    Path("void").mkdir()
    with pytest.raises(DatasetError, match=r"no dataset .* no CSV file, and no folder of clips"):
        read(Path("void"))
