"""Models: a saved Transformers folder, checked, as a repository that `from_pretrained` opens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from equime_hub.errors import HubError
from equime_hub.hub.artifact import Sent, local_files, send

CONFIG = "config.json"
PROCESSOR = "video_preprocessor_config.json"
CARD = "README.md"
NEEDED = (CONFIG, PROCESSOR, CARD)
PICKLED = (
    ".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz", ".h5", ".msgpack",
)  # fmt: skip
"""Suffixes of files that may run code when they are read, or hold weights in another form."""
ALLOWED = (
    ".json", ".safetensors", ".md", ".txt", ".csv", ".yaml", ".yml", ".png", ".jpg", ".svg",
)  # fmt: skip
CARD_KEYS = ("license", "library_name", "pipeline_tag", "tags")
"""What the YAML of a model card says at least."""
TASK = "video-classification"


def push_model(
    folder: Path,
    repository: str,
    *,
    private: bool | None = None,
    tag: str | None = None,
    dry_run: bool = False,
) -> Sent:
    """Make a repository hold a saved model, in one commit.

    Args:
        folder: What `save_pretrained` of model and video processor wrote, and a README.md.
        repository: As "ORG/NAME".
        private: Whether only its organisation sees it; None leaves that as it is, and makes a new
            one private.
        tag: Set on the commit.
        dry_run: Only look.

    Raises:
        HubError: The folder is not what is wanted (`problems`); or as `artifact.send`.
    """
    if found := problems(folder):
        raise HubError(f"{folder} is not sent: {' '.join(found)}")
    return send(
        repository,
        "model",
        local_files(folder),
        own=("*.safetensors", "*.safetensors.index.json"),
        sign=CONFIG,
        private=private,
        tag=tag,
        dry_run=dry_run,
    )


def problems(folder: Path) -> list[str]:
    """Why a folder cannot be a model on the Hub, as sentences; empty if it can."""
    if not folder.is_dir():
        return ["There is no such folder."]
    files = local_files(folder)
    found = [f"{name} is missing." for name in NEEDED if name not in files]
    for name in files:
        suffix = Path(name).suffix.lower()
        if suffix in PICKLED:
            found.append(
                f"{name} may run code when it is read: save weights as safetensors, and leave what "
                "belongs to training out of the folder."
            )
        elif suffix not in ALLOWED:
            found.append(f"{name} is no file of a model; a model here has {', '.join(ALLOWED)}.")
    found += _weights(files)
    if CONFIG in files:
        found += _config(files[CONFIG])
    if PROCESSOR in files and _json(files[PROCESSOR]) is None:
        found.append(f"{PROCESSOR} is no JSON object.")
    if CARD in files:
        found += _card(files[CARD])
    return found


def _config(path: Path) -> list[str]:
    config = _json(path)
    if config is None:
        return [f"{CONFIG} is no JSON object."]
    if not isinstance(config.get("model_type"), str):
        return [f"{CONFIG} names no model_type."]
    if "auto_map" in config:
        return [
            f"{CONFIG} has an auto_map: it would load only with trust_remote_code=True, which runs "
            "what the repository says."
        ]
    return []


def _weights(files: Mapping[str, Path]) -> list[str]:
    """Whether all weights are there and whole."""
    from safetensors import SafetensorError, safe_open

    weights = [name for name in files if name.endswith(".safetensors")]
    if not weights:
        return ["It has no weights: *.safetensors."]
    found = []
    for name in weights:
        try:
            with safe_open(files[name], framework="numpy"):
                pass
        except (SafetensorError, OSError) as error:
            found.append(f"{name} is damaged ({error}).")
    for name in files:
        if name.endswith(".safetensors.index.json"):
            index = _json(files[name]) or {}
            parts = index.get("weight_map")
            named = set(parts.values()) if isinstance(parts, dict) else set()
            found += [
                f"{name} names {part}, which is missing." for part in sorted(named - {*files})
            ]
    return found


def _card(path: Path) -> list[str]:
    import yaml
    from huggingface_hub import RepoCard

    try:
        card = RepoCard(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, TypeError) as error:
        return [f"{CARD} cannot be read: {' '.join(str(error).split())}."]
    found = []
    if missing := [key for key in CARD_KEYS if not card.data.get(key)]:
        found.append(f"The YAML of {CARD} does not say: {', '.join(missing)}.")
    if (task := card.data.get("pipeline_tag")) not in (None, TASK):
        found.append(f"{CARD} says pipeline_tag {task!r}; it is {TASK}.")
    if not card.text.strip():
        found.append(f"{CARD} has no text.")
    return found


def _json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
