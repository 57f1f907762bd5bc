"""Where the weights of BRISQUE and CLIP-IQA are, and whether a file is what it says.

The files are those of piq, under the names and in the folders where piq keeps them, so that
whoever has used piq has them already. Nothing is downloaded unless it is asked for; piq itself
downloads without asking, and so its own loaders are not called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from equime_hub import files

_PIQ = "https://github.com/photosynthesis-team/piq/releases/download"
_OPENAI = "https://openaipublic.azureedge.net/clip/models"
_OPENAI_RN50 = "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762"


class UnusableWeights(Exception):
    """A weight file is absent or not what it should be; the message says what to do."""


@dataclass(frozen=True)
class WeightFile:
    """One published file.

    Attributes:
        name: Its name, in the usual folder and in a folder given.
        size: How large it is, in words.
        url: Where it is published.
        usual_folder: Gives the folder where piq keeps it.
        sha256: What the bytes must sum to; None if the publisher does not say.
    """

    name: str
    size: str
    url: str
    usual_folder: Callable[[], Path]
    sha256: str | None = None

    def find(self, folder: Path | None = None, *, download: bool = False) -> Path:
        """Path of the file, if it is there and is the published one.

        Args:
            folder: Where to look; None is the usual folder. A file in a folder given is trusted:
                its sum is not checked, so it may be a model of one's own.
            download: Fetch it into that folder if it is absent.

        Raises:
            UnusableWeights: Absent, not to be had, or not the published file.
        """
        path = (folder or self.usual_folder()) / self.name
        if not path.is_file():
            if not download:
                raise UnusableWeights(
                    f"{self.name} was looked for in {path.parent} and is not there. Put it there "
                    f"({self.size}, published at {self.url}), or allow the download."
                )
            self._fetch(path)
        if folder is None and self.sha256 and files.sha256(path) != self.sha256:
            raise UnusableWeights(
                f"{path} is not the published file: its SHA-256 is not {self.sha256}. Delete it "
                f"and fetch {self.url} ({self.size}), or name its folder if it is meant."
            )
        return path

    def _fetch(self, path: Path) -> None:
        from torch import hub

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            hub.download_url_to_file(self.url, str(path), self.sha256, progress=False)
        except (OSError, RuntimeError) as error:  # RuntimeError: another sum
            raise UnusableWeights(
                f"{self.name} cannot be fetched from {self.url} ({error}). "
                f"Put it into {path.parent} by hand ({self.size})."
            ) from error


def find_all(
    wanted: tuple[WeightFile, ...], folder: Path | None = None, *, download: bool = False
) -> list[Path]:
    """Paths of several files that are of no use without each other.

    Raises:
        UnusableWeights: What is wrong with any of them.
    """
    paths, reasons = [], []
    for file in wanted:
        try:
            paths.append(file.find(folder, download=download))
        except UnusableWeights as reason:
            reasons.append(str(reason))
    if reasons:
        raise UnusableWeights(" ".join(reasons))
    return paths


def unreadable(path: Path, error: Exception) -> str:
    """What to say of a file that is there and cannot be read."""
    first = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
    return f"{path} cannot be read as what its name says ({first}). Fetch it again."


def _checkpoints() -> Path:
    from torch import hub

    return Path(hub.get_dir()) / "checkpoints"


def _clip() -> Path:
    return Path("~/.cache/clip").expanduser()


BRISQUE = WeightFile(
    "brisque_svm_weights.pt", "116 KB", f"{_PIQ}/v0.4.0/brisque_svm_weights.pt", _checkpoints
)
"""Support vectors of BRISQUE's regression."""

RN50 = WeightFile(
    "RN50.pt", "about 255 MB", f"{_OPENAI}/{_OPENAI_RN50}/RN50.pt", _clip, _OPENAI_RN50
)
"""CLIP with a ResNet-50, as OpenAI published it."""

TOKENS = WeightFile("clipiqa_tokens.pt", "a few KB", f"{_PIQ}/v0.7.1/clipiqa_tokens.pt", _clip)
"""The two prompts of CLIP-IQA, "Good photo." and "Bad photo.", as tokens."""
