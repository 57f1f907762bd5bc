"""`equime doctor`: what this machine can do, and what each missing part would add."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil

from equime_hub._version import __version__
from equime_hub.commands.common import report
from equime_hub.commands.options import command
from equime_hub.errors import EquimeError
from equime_hub.loading_script import names

_PACKAGES = (
    "datasets", "huggingface-hub", "evaluate", "torch", "torchvision", "transformers",
    "diffusers", "piq", "av", "numpy", "pyarrow", "opencv-contrib-python-headless",
)  # fmt: skip


DoctorFinding = tuple[str, bool, str]
"""What was found, whether it can be used, and what it would give and how to get it."""


@command("Say what this machine can do.")
def doctor() -> None:
    """Report versions, decoders, GPU and Hub state, and what each missing part would give.

    Example:
        equime doctor --json
    """
    here = f"{__version__} on Python {platform.python_version()}"
    found: dict[str, DoctorFinding] = {
        "equime-hub": (here, True, ""),
        **{name: _package(name, "install again: pip install equime-hub") for name in _PACKAGES},
        "FFmpeg inside PyAV": _pyav(),
        "FFmpeg of the system": _ffmpeg(),
        "torchcodec": _torchcodec(),
        "CUDA": _cuda(),
        "deepface": _package(
            "deepface", "estimates age, gender and race (equime attributes): "
            'pip install "equime-hub[attributes]"',
        ),
        "ray": _package(
            "ray", "builds on many GPUs or machines (docs/clusters.md): "
            'pip install "equime-hub[ray]"',
        ),
        "Hub": _hub(),
        f'load_dataset("{names.NAME}")': _dataset(),
    }  # fmt: skip
    keys = ("name", "state", "ok", "hint")
    report(
        {name: dict(zip(keys, (name, *rest), strict=True)) for name, rest in found.items()},
        [
            f"{'ok' if ok else '--'}  {name:<32} {state}" + (f"\n{'':<37}{hint}" if hint else "")
            for name, (state, ok, hint) in found.items()
        ],
    )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _package(name: str, hint: str) -> DoctorFinding:
    version = _version(name)
    return ("not installed", False, hint) if version is None else (version, True, "")


def _pyav() -> DoctorFinding:
    import av

    libraries = ", ".join(
        f"{name} {'.'.join(map(str, version))}"
        for name, version in sorted(av.library_versions.items())
        if name in ("libavcodec", "libavformat")
    )
    return libraries, True, ""


def _ffmpeg() -> DoctorFinding:
    path = shutil.which("ffmpeg")
    return (path, True, "") if path else ("not found", False, "only torchcodec needs it")


def _torchcodec() -> DoctorFinding:
    hint = 'plain datasets decodes with it: pip install "equime-hub[torchcodec]" and FFmpeg 4 to 9'
    version = _version("torchcodec")
    if version is None:
        return "not installed; PyAV decodes", False, hint
    try:
        from torchcodec.decoders import VideoDecoder  # noqa: F401
    except Exception as error:  # its import fails in many ways without FFmpeg
        reason = str(error).strip().splitlines()[0]
        return f"cannot be used: {reason}", False, hint
    return version, True, ""


def _cuda() -> DoctorFinding:
    import torch

    if not torch.cuda.is_available():
        return "no GPU; the warp backend works without", False, "equime build --backend ltx"
    return torch.cuda.get_device_name(), True, ""


def _hub() -> DoctorFinding:
    from huggingface_hub import constants, get_token

    state = constants.ENDPOINT + (", offline" if constants.HF_HUB_OFFLINE else "")
    if get_token() is None:
        return f"{state}, not signed in", False, "hf auth login opens gated datasets"
    return f"{state}, a token is stored", True, ""


def _dataset() -> DoctorFinding:
    try:
        return f"opens {names.resolve()}", True, ""
    except EquimeError:
        value = os.environ.get(names.VARIABLE)
        state = f"{names.VARIABLE}={value}" if value else f"no ./{names.NAME}, no {names.VARIABLE}"
        return state, False, f"equime demo, or set {names.VARIABLE}"
