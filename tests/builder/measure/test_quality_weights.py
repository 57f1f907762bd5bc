"""Where weights are found, which are refused, and what is said about it."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.quality import piq_finds, write_weights
from equime_hub import files
from equime_hub.builder.measure import weights
from equime_hub.builder.measure.quality import Scorers
from equime_hub.builder.measure.weights import UnusableWeights

TINY_CLIP: dict[str, Any] = {
    "embed_dim": 32, "image_resolution": 64, "vision_layers": (1, 1, 1, 1), "vision_width": 8,
    "context_length": 8, "vocab_size": 64, "transformer_width": 64, "transformer_heads": 1,
    "transformer_layers": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_weights(folder, **TINY_CLIP)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """The three files, free to be spoilt."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for path in written.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_what_is_absent_is_said_with_what_to_do(tmp_path: Path) -> None:
    scorers = Scorers.load(tmp_path)
    assert scorers.brisque is None and scorers.clip_iqa is None
    assert set(scorers.missing) == {"brisque", "clip_iqa"}
    for words in ("brisque_svm_weights.pt", str(tmp_path), "116 KB", "v0.4.0", "download"):
        assert words in scorers.missing["brisque"]
    for words in ("clipiqa_tokens.pt", "RN50.pt", "255 MB", weights.RN50.url):
        assert words in scorers.missing["clip_iqa"]
    assert not list(tmp_path.iterdir())


def test_one_absent_file_empties_only_its_column(folder: Path) -> None:
    (folder / "RN50.pt").unlink()
    scorers = Scorers.load(folder)
    assert scorers.brisque and list(scorers.missing) == ["clip_iqa"]
    reason = scorers.missing["clip_iqa"]
    assert "RN50.pt" in reason and "clipiqa_tokens.pt" not in reason


def test_the_usual_folders_are_those_of_piq(folder: Path) -> None:
    with piq_finds(folder):
        scorers = Scorers.load()
        home = Path("~").expanduser()
        # Found there, but the network is not the one that OpenAI published.
        assert scorers.brisque and list(scorers.missing) == ["clip_iqa"]
        assert "SHA-256" in scorers.missing["clip_iqa"]
        assert str(home / ".cache" / "clip" / "RN50.pt") in scorers.missing["clip_iqa"]


def test_the_sum_is_that_of_the_address() -> None:
    assert weights.RN50.sha256 and len(weights.RN50.sha256) == 64
    assert weights.RN50.sha256 in weights.RN50.url


@pytest.mark.parametrize("name", ["brisque_svm_weights.pt", "RN50.pt", "clipiqa_tokens.pt"])
@pytest.mark.parametrize("content", [b"", b"no weights", None], ids=["empty", "text", "cut"])
def test_damaged_files_are_named(folder: Path, name: str, content: bytes | None) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    (reason,) = Scorers.load(folder).missing.values()
    assert str(path) in reason and "Fetch it again" in reason


@pytest.mark.parametrize(
    "pair",
    [
        (torch.zeros(4), torch.zeros(4, 35)),
        (torch.zeros(3), torch.zeros(4, 36)),
        (torch.zeros(4),),
        (torch.full((4,), np.nan), torch.zeros(4, 36)),
    ],
)
def test_a_regression_of_other_shape_is_refused(
    folder: Path, pair: tuple[torch.Tensor, ...]
) -> None:
    torch.save(pair, folder / "brisque_svm_weights.pt")
    assert "brisque_svm_weights.pt" in Scorers.load(folder).missing["brisque"]


def test_other_tokens_are_refused(folder: Path) -> None:
    torch.save(torch.zeros(3, 8, dtype=torch.long), folder / "clipiqa_tokens.pt")
    assert "clipiqa_tokens.pt" in Scorers.load(folder).missing["clip_iqa"]


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["brisque_svm_weights.pt", "RN50.pt", "clipiqa_tokens.pt"])
@pytest.mark.parametrize("save", [torch.save, lambda x, to: to.write_bytes(pickle.dumps(x))])
def test_nothing_is_unpickled(folder: Path, tmp_path: Path, name: str, save: object) -> None:
    trace = tmp_path / "unpickled"
    assert callable(save)
    save(Hostile(trace), folder / name)
    assert len(Scorers.load(folder).missing) == 1
    assert not trace.exists()


def test_loading_leaves_the_random_numbers_alone(folder: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    Scorers.load(folder)
    assert torch.equal(torch.rand(3), expected)


def test_download_when_asked(folder: Path, tmp_path: Path) -> None:
    published = folder / "RN50.pt"
    there = replace(weights.RN50, url=published.as_uri(), sha256=files.sha256(published))
    cache = tmp_path / "cache"
    with pytest.raises(UnusableWeights, match="allow the download"):
        there.find(cache)
    assert not cache.exists()
    found = there.find(cache, download=True)
    assert found == cache / "RN50.pt" and found.read_bytes() == published.read_bytes()
    assert there.find(cache) == found


def test_a_download_that_fails_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    url = (folder / "RN50.pt").as_uri()
    for broken in (
        replace(weights.RN50, url=url),  # another sum than the published one
        replace(weights.RN50, url=url + ".gone"),
    ):
        with pytest.raises(UnusableWeights, match="cannot be fetched"):
            broken.find(tmp_path / "cache", download=True)
        assert not list((tmp_path / "cache").iterdir())
