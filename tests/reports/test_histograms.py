from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from equime_hub.reports.figures import COLUMN, canvas, save
from equime_hub.reports.histograms import density, pages
from equime_hub.reports.samples import Sample, sample


def sets(*columns: dict[str, Any]) -> list[Sample]:
    names = ("real", "a/b", "a b")
    return [sample(n, c, n) for n, c in zip(names, columns, strict=False)]


def test_the_density_is_that_of_scipy() -> None:
    values = np.random.default_rng(0).gamma(3, 2, 400)
    places, found = density(values)
    spread = min(values.std(ddof=1), np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.34)
    factor = 0.9 * spread * 400**-0.2 / values.std(ddof=1)
    expected = stats.gaussian_kde(values, factor)(places)
    np.testing.assert_allclose(found, expected, atol=2e-3 * expected.max())
    assert (places[0], places[-1]) == (values.min(), values.max())


@pytest.mark.parametrize("values", [[3.0], [3.0, 3.0, 3.0], [0.0, 0.0]])
def test_a_constant_has_no_density(values: list[float]) -> None:
    assert [len(part) for part in density(np.array(values))] == [0, 0]


def test_more_than_half_equal_values_still_have_a_density() -> None:
    places, found = density(np.array([1.0] * 30 + [2.0] * 5))
    assert np.isfinite(found).all()
    assert places[found.argmax()] < 1.1


def test_a_page_a_set_and_one_for_all() -> None:
    random = np.random.default_rng(0)
    real, other, third = (
        {"psnr": random.normal(40, s, 50), "tv": random.normal(9, s, 50), "size_mb": [size] * 50}
        for s, size in ((1, 24.0), (3, 0.1), (5, 0.006))
    )
    before = dict(matplotlib.rcParams)
    backend = matplotlib.get_backend()
    pages(sets(real, other, third), Path("out"))
    assert dict(matplotlib.rcParams) == before
    assert matplotlib.get_backend() == backend
    names = ("histograms-real", "histograms-a-b-1", "histograms-a-b-2", "overlay")
    assert {p.name for p in Path("out").iterdir()} == {
        n + s for n in names for s in (".png", ".svg")
    }
    for name in names:
        with Image.open(f"out/{name}.png") as picture:
            assert picture.width == COLUMN * 300
            pixels = np.asarray(picture.convert("L"), float)
        assert pixels.std() > 10
        # Nothing is cut off: the rim is white.
        for rim in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
            assert rim.min() == 255
        assert ET.parse(f"out/{name}.svg").getroot().tag.endswith("svg")
    first = {p.name: p.read_bytes() for p in Path("out").iterdir()}
    pages(sets(real, other, third), Path("again"))
    assert {p.name: p.read_bytes() for p in Path("again").iterdir()} == first
    assert b"<dc:date>" not in first["overlay.svg"]


def test_constants_single_values_and_gaps_are_drawn() -> None:
    pages(sets({"psnr": [40, 40], "tv": [1, None]}, {"psnr": [41]}, {"tv": [0, 0]}), Path("out"))
    assert len(list(Path("out").iterdir())) == 8
    pages(sets({"tv": [1, 1 + 2e-16]}, {"tv": [2, 3]}, {"psnr": [40]}), Path("less"))
    assert len(list(Path("less").glob("histograms-*"))) == 4  # the last has nothing to show


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_equal_figures_are_equal_files(suffix: str) -> None:
    for name in ("a", "b"):
        with canvas(1, 1) as figure:
            figure.subplots().fill_between([0, 1], [1, 2])
            save(figure, Path(f"{name}.{suffix}"))
    assert Path(f"a.{suffix}").read_bytes() == Path(f"b.{suffix}").read_bytes()


def test_other_suffixes_are_refused() -> None:
    with (
        canvas(1, 1) as figure,
        pytest.raises(ValueError, match=r"\.png, \.svg, \.pdf, got x\.gif"),
    ):
        save(figure, Path("x.gif"))
    assert not Path("x.gif").exists()
