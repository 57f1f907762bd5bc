"""EquiME in both forms: that of its code, and that of its README."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from equime_hub.video import codec
from equime_hub.video.clip import Clip
from tests.support.trees.drawing import face

CODE = ("happiness/m_123", "happiness/f_7", "disgust/f_7")
README = ("surprise/f_7_1", "surprise/f_7_2", "fear/m_123_1")
TOP = "ME-VLM/emotion_categories"
METADATA: dict[str, Any] = {
    "video_name": "",
    "demographics": {"gender": "Woman", "estimated_age": 31, "ethnicity": "latino hispanic"},
    "technical": {"file_size": "0.1 MB", "bitrate": 135, "duration": 0.25, "frame_count": 6},
    "generation": {"model": "LTX-Video", "Random Seed": 42, "num_inference_steps": 80},
    "quality": {"psnr": 40.5, "ssim": 0.97, "clip-iqa": 0.79},
    "prompt": "A professional static headshot",
}


def video(path: Path, person: int, fps: float = 24, frames: int = 6) -> bytes:
    """Write one MP4 file; returns its bytes."""
    images = [cv2.cvtColor(face(person, n / frames), cv2.COLOR_BGR2RGB) for n in range(frames)]
    data = codec.encode(Clip(np.stack(images), fps))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


def metadata(path: Path, **changes: Any) -> None:
    """Write the JSON file of the video at `path`."""
    folder = path.parent / "metadata"
    folder.mkdir(exist_ok=True)
    text = json.dumps(METADATA | {"video_name": path.name} | changes)
    (folder / f"{path.stem}_metadata.json").write_text(text, encoding="utf-8")


def equime_release(root: Path) -> None:
    """Six videos; f_7_2 has no JSON file."""
    for name in CODE:
        video(root / f"hq_emotion/{name}.mp4", int(name.split("_")[-1]))
    for name in README:
        path = root / f"{TOP}/{name}.mp4"
        video(path, int(name.split("_")[-2]))
        if name != "surprise/f_7_2":
            metadata(path)


TREES = {"equime_release": equime_release}
