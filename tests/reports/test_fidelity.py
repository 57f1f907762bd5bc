"""Reports over columns whose answers can be computed by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from equime_hub.errors import DatasetError
from equime_hub.reports.distances import Bootstrap
from equime_hub.reports.fidelity import CRITERIA, as_markdown, compare
from equime_hub.reports.samples import sample

POINT = Bootstrap(0)
REAL = {"psnr": [38, 40, 42], "tv": [10, 20, 30], "bitrate_kbps": [900, 1000, 1100]}
NEAR = {"psnr": [39, 41, 43], "tv": [12, 22, 32], "bitrate_kbps": [500, 500, 500]}
FAR = {"psnr": [44, 46, 48], "tv": [9, 19, 29], "bitrate_kbps": [990, 1000, 1010]}


def report(
    real: dict[str, Any], *others: dict[str, Any], bootstrap: Bootstrap = POINT
) -> dict[str, Any]:
    names = ("near", "far", "third")
    samples = [sample(name, columns, name) for name, columns in zip(names, others, strict=False)]
    return compare(sample("real", real, "real"), samples, bootstrap)


def cautions(real: dict[str, Any], *others: dict[str, Any]) -> str:
    return "\n".join(caution["text"] for caution in report(real, *others)["cautions"])


def unsound(real: dict[str, Any], *others: dict[str, Any]) -> set[str]:
    return {key for key, m in report(real, *others)["metrics"].items() if not m["sound"]}


def distances(metric: dict[str, Any], name: str) -> list[float]:
    return [metric["synthetic"][name][key]["value"] for key in CRITERIA.values()]


def test_three_sets_by_hand() -> None:
    found = report(REAL, NEAR, FAR)
    assert list(found["metrics"]) == ["psnr", "tv", "bitrate_kbps"]
    psnr, tv, bitrate = found["metrics"].values()
    assert psnr["real"] == {"n": 3, "missing": 0, "mean": 40, "sd": 2, "median": 40}
    assert distances(psnr, "near") == [2.5, 1 / 3, 1.0]
    assert distances(psnr, "far") == [15.0, 1.0, 6.0]
    assert distances(tv, "near") == [10.0, 1 / 3, 2.0]
    assert distances(tv, "far") == [-5.0, 1 / 3, 1.0]
    assert distances(bitrate, "far")[0] == 0
    assert bitrate["synthetic"]["near"]["sd"] == 0
    assert found["closest"]["Wasserstein"]["metrics"] == {"near": 1, "far": 2}
    assert found["closest"]["Wasserstein"]["sound_metrics"] == {"near": 1, "far": 1}
    assert found["closest"]["deviation of means"]["sound_metrics"] == {"near": 1, "far": 1}
    # Equally near in total variation: nobody is nearest.
    assert found["closest"]["Kolmogorov–Smirnov"]["sound_metrics"] == {"near": 1, "far": 0}


def test_identical_sets_have_distance_zero_and_nobody_is_nearest() -> None:
    found = report(REAL, REAL, REAL, bootstrap=Bootstrap(50))
    for metric in found["metrics"].values():
        for name in ("near", "far"):
            assert distances(metric, name) == [0, 0, 0]
        assert metric["closest"]["Wasserstein"] is None


def test_a_win_is_clear_if_the_intervals_are_apart() -> None:
    many = {"tv": list(range(100))}
    close, far = ({"tv": [value + by for value in range(100)]} for by in (5, 300))
    apart = report(many, close, far, bootstrap=Bootstrap(100))["metrics"]["tv"]["closest"]
    assert apart["Wasserstein"] == {"name": "near", "clear": True}
    also = {"tv": [value + 6 for value in range(100)]}
    overlapping = report(many, close, also, bootstrap=Bootstrap(100))["metrics"]["tv"]["closest"]
    assert overlapping["deviation of means"] == {"name": "near", "clear": False}
    without = report(many, close, far)["metrics"]["tv"]["closest"]
    assert without["Wasserstein"] == {"name": "near", "clear": False}


def test_a_mean_below_real_is_as_far_as_one_above() -> None:
    found = report({"tv": [10, 10]}, {"tv": [7, 7]}, {"tv": [12, 12]})
    closest = found["metrics"]["tv"]["closest"]["deviation of means"]
    assert closest == {"name": "far", "clear": False}


def test_what_tells_of_the_codec_is_not_counted() -> None:
    assert unsound(REAL, NEAR) == {"bitrate_kbps"}
    assert unsound(REAL, {"tv": [1, 2, 3]}, FAR) == {"bitrate_kbps"}
    assert "Bit rate: these tell of the codec" in cautions(REAL, NEAR)
    assert "codec" not in cautions(REAL, {"tv": [1, 2, 3]})


def test_frame_rates() -> None:
    slow, fast = {**REAL, "fps": [25, 25, 25]}, {**NEAR, "fps": [200, 200, 100]}
    assert unsound(slow, fast) == {"psnr", "bitrate_kbps"}
    assert "real has 25 frames a second, near 100 to 200" in cautions(slow, fast)
    assert unsound(slow, {**NEAR, "fps": [25, 25, 25.2]}) == {"bitrate_kbps"}
    assert "The frame rate of near is not known" in cautions(slow, NEAR)
    assert "frame rate" not in cautions({"tv": [1, 2]}, {"tv": [1, 2]})


def test_capped_psnr() -> None:
    still = {**NEAR, "psnr": [39, 100, 100]}
    assert unsound(REAL, still) == {"psnr", "bitrate_kbps"}
    told = cautions(REAL, still)
    assert "2 of 3 clips of near do not move at all" in told
    assert "Without them the mean is 39.00 dB, not 79.67 dB." in told
    assert "do not move" not in cautions(REAL, {**NEAR, "psnr": [99.9, 50, 40]})
    assert "Without them" not in cautions(REAL, {**NEAR, "psnr": [100, 100, 100]})


def test_wrapped_psnr() -> None:
    published = {"avg_psnr": [38, 40, 42]}
    assert unsound(published, NEAR) == {"psnr"}
    assert "PSNR of real is in a column of the published script" in cautions(published, NEAR)
    assert unsound(published, {"psnr_mean": [39, 41, 43]}) == set()
    assert "published script" not in cautions(published | {"tv": [1, 2, 3]}, {"tv": [1, 2, 3]})


def test_what_differs_between_the_sets() -> None:
    told = cautions(
        {**REAL, "width": [640] * 3, "height": [480] * 3, "emotion": ["anger", "fear", "anger"]},
        {**NEAR, "width": [256] * 3, "height": [256] * 3, "emotion": ["disgust"] * 3},
        {"tv": list(range(30)), "subject_id": ["a"] * 30},
    )
    assert "640 × 480 in real and 256 × 256 in near" in told
    assert "near holds one emotion only, disgust" in told
    assert "real holds one emotion" not in told
    assert "far has 30 clips, real 3" in told
    assert "Who is in the clips of real and near is not known" in told
    assert "far shows one person" in told
    assert "far has no PSNR or Bit rate." in told


def test_gaps_and_constants_are_said() -> None:
    told = cautions({"tv": [1, None, "nan", 3]}, {"tv": [5, 5, 5]})
    assert "2 of 4 clips of real have no Total variation" in told
    assert "Total variation is 5 in all clips of near" in told
    found = report({"tv": [1, None, "nan", 3]}, {"tv": [5, 5, 5]})["metrics"]["tv"]
    assert (found["real"]["n"], found["real"]["missing"], found["real"]["mean"]) == (2, 2, 2)
    alone = {"value": 3.0, "low": None, "high": None}
    assert found["synthetic"]["near"]["wasserstein"] == alone


def test_one_value_has_no_spread() -> None:
    found = report({"tv": [2]}, {"tv": [3]}, bootstrap=Bootstrap(10))
    assert found["metrics"]["tv"]["real"]["sd"] is None
    alone = {"value": 1.0, "low": None, "high": None}
    assert found["metrics"]["tv"]["synthetic"]["near"]["wasserstein"] == alone
    assert "real is one clip" in cautions({"tv": [2]}, {"tv": [3]})
    assert "2.000 ± –" in as_markdown(found)


def test_a_mean_of_zero_has_no_deviation() -> None:
    found = report({"tv": [-1, 1]}, {"tv": [1, 2]}, {"tv": [2, 3]})
    assert "not defined" in as_markdown(found)
    assert found["metrics"]["tv"]["closest"]["deviation of means"] is None


def test_nothing_to_compare_and_equal_names_are_sentences() -> None:
    with pytest.raises(DatasetError, match=r"real has no metric .*real: psnr; near: tv"):
        report({"psnr": [1]}, {"tv": [1]})
    with pytest.raises(DatasetError, match="near: none"):
        report({"psnr": [1]}, {"tv": ["N/A"]})
    same = sample("real", REAL, "x")
    with pytest.raises(DatasetError, match="Two sets are called real"):
        compare(same, [same])


@pytest.mark.parametrize("known", [(True, False), (False, True)])
def test_people_are_drawn_where_they_are_known(known: tuple[bool, bool]) -> None:
    values = [float(i // 5) for i in range(50)]
    people = {"subject_id": [str(i // 5) for i in range(50)]}
    # Only the grouped set varies, so the width is its own.
    sets = [{"tv": values, **people} if group else {"tv": [100.0] * 50} for group in known]
    alone = [{"tv": columns["tv"]} for columns in sets]
    widths = []
    for columns in (alone, sets):
        found = report(*columns, bootstrap=Bootstrap(100))["metrics"]["tv"]
        interval = found["synthetic"]["near"]["wasserstein"]
        widths.append(interval["high"] - interval["low"])
    assert widths[1] > 1.5 * widths[0] > 0


def test_the_text_says_all_of_it() -> None:
    text = as_markdown(report({**REAL, "fps": [25] * 3}, NEAR, FAR, bootstrap=Bootstrap(20)))
    lines = text.splitlines()
    assert lines[0] == "# Fidelity of near and far to real"
    row = next(line for line in lines if line.startswith("|") and "+15.0 %" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")][1:5] == [
        "far", "3", "46.00 ± 2.00", "46.00",
    ]  # fmt: skip
    for section in ("## Metrics", "nearest to the real one", "## Cautions", "## Method"):
        assert section in text
    assert "95 % percentile intervals of 20 bootstrap draws" in text
    tables_found = [block for block in text.split("\n\n") if block.startswith("|")]
    for table in tables_found:  # aligned, so it reads well in a terminal
        assert len({len(line) for line in table.splitlines()}) == 1
    assert "nearest" not in as_markdown(report(REAL, NEAR))
    assert "In brackets" not in as_markdown(report(REAL, NEAR))


def test_the_json_is_plain() -> None:
    found = report({"tv": [-1, 1]}, {"tv": [1]}, bootstrap=Bootstrap(10))
    values = json.loads(json.dumps(found, allow_nan=False))
    near = values["metrics"]["tv"]["synthetic"]["near"]
    assert near["deviation_percent"] == {"value": None, "low": None, "high": None}
    assert near["wasserstein"]["value"] == 1
    assert near["sd"] is None
    assert values["sets"]["real"]["clips"] == 2
    assert values["bootstrap"] == {"draws": 10, "level": 0.95, "seed": 0}
