"""`equime doctor`: what this machine can do, and what each missing part would add."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from dataclasses import asdict, dataclass

import click

from equime_hub._version import __version__
from equime_hub.commands.common import json_option, report
from equime_hub.errors import EquimeError
from equime_hub.loading_script import names

_PACKAGES = (
    "datasets", "huggingface-hub", "evaluate", "torch", "torchvision", "transformers",
    "diffusers", "piq", "av", "numpy", "pyarrow", "opencv-contrib-python-headless",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: What was looked for.
        state: What was found.
        ok: Whether it can be used.
        hint: What it would give and how to get it; empty if it is there.
    """

    name: str
    state: str
    ok: bool
    hint: str = ""


@click.command(
    short_help="Say what this machine can do.",
    epilog="""\b
Example:
  equime doctor --json""",
)
@json_option
def doctor(as_json: bool) -> None:
    """Report versions, decoders, GPU and Hub state, and what each missing part would give."""
    findings = [
        Finding("equime-hub", f"{__version__} on Python {platform.python_version()}", True),
        *(_package(name) for name in _PACKAGES),
        *(check() for check in (_pyav, _ffmpeg, _torchcodec, _cuda)),
        *(check() for check in (_deepface, _ray, _hub, _dataset)),
    ]
    if as_json:
        report({finding.name: asdict(finding) for finding in findings})
        return
    for finding in findings:
        click.echo(f"{'ok' if finding.ok else '--'}  {finding.name:<32} {finding.state}")
        if finding.hint:
            click.echo(f"{'':<37}{finding.hint}")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _package(name: str) -> Finding:
    version = _version(name)
    if version is None:
        return Finding(name, "not installed", False, "install again: pip install equime-hub")
    return Finding(name, version, True)


def _pyav() -> Finding:
    import av

    libraries = ", ".join(
        f"{name} {'.'.join(map(str, version))}"
        for name, version in sorted(av.library_versions.items())
        if name in ("libavcodec", "libavformat")
    )
    return Finding("FFmpeg inside PyAV", libraries, True)


def _ffmpeg() -> Finding:
    path = shutil.which("ffmpeg")
    if path is None:
        return Finding("FFmpeg of the system", "not found", False, "only torchcodec needs it")
    return Finding("FFmpeg of the system", path, True)


def _torchcodec() -> Finding:
    hint = 'plain datasets decodes with it: pip install "equime-hub[torchcodec]" and FFmpeg 4 to 9'
    if _version("torchcodec") is None:
        return Finding("torchcodec", "not installed; PyAV decodes", False, hint)
    try:
        from torchcodec.decoders import VideoDecoder  # noqa: F401
    except Exception as error:  # its import fails in many ways without FFmpeg
        reason = str(error).strip().splitlines()[0]
        return Finding("torchcodec", f"cannot be used: {reason}", False, hint)
    return Finding("torchcodec", f"{_version('torchcodec')}", True)


def _cuda() -> Finding:
    import torch

    if not torch.cuda.is_available():
        return Finding(
            "CUDA", "no GPU; the warp backend works without", False, "equime build --backend ltx"
        )
    return Finding("CUDA", torch.cuda.get_device_name(), True)


def _extra(package: str, extra: str, gives: str) -> Finding:
    version = _version(package)
    if version is None:
        return Finding(
            package, "not installed", False, f'{gives}: pip install "equime-hub[{extra}]"'
        )
    return Finding(package, version, True)


def _deepface() -> Finding:
    return _extra("deepface", "attributes", "estimates age, gender and race (equime attributes)")


def _ray() -> Finding:
    return _extra("ray", "ray", "builds on many GPUs or machines (docs/clusters.md)")


def _hub() -> Finding:
    from huggingface_hub import constants, get_token

    state = constants.ENDPOINT + (", offline" if constants.HF_HUB_OFFLINE else "")
    if get_token() is None:
        return Finding("Hub", f"{state}, not signed in", False,
                       "hf auth login opens gated datasets")  # fmt: skip
    return Finding("Hub", f"{state}, a token is stored", True)


def _dataset() -> Finding:
    call = f'load_dataset("{names.NAME}")'
    try:
        return Finding(call, f"opens {names.resolve()}", True)
    except EquimeError:
        value = os.environ.get(names.VARIABLE)
        state = f"{names.VARIABLE}={value}" if value else f"no ./{names.NAME}, no {names.VARIABLE}"
        return Finding(call, state, False, f"equime demo, or set {names.VARIABLE}")
