"""Oulu-CASIA as it is unpacked: original and cropped images."""

from __future__ import annotations

from pathlib import Path

from tests.support.trees.drawing import recording

CLIPS = {
    "VL/Strong/P001/Anger": 5,
    "VL/Strong/P001/Happiness": 6,
    "VL/Strong/P010/Surprise": 5,
    "VL/Strong/P002/Fear": 5,
    "VL/Dark/P001/Anger": 5,
    "NI/Strong/P001/Sadness": 6,
    "NI/Weak/P080/Disgust": 5,
}
"""Camera, light, subject and emotion → frames."""


def oulu_casia(root: Path, top: str = "OriginalImg/") -> None:
    """Frame 2 of P002's fear is missing; the cropped images have visible, strong light only."""
    for clip, length in CLIPS.items():
        camera, light, subject, label = clip.split("/")
        numbers = [n for n in range(length) if (label, n) != ("Fear", 2)]
        names = [f"{top}{clip}/{n:03}.jpeg" for n in numbers]
        recording(root, names, int(subject[1:]), apex=len(names) - 1, gray=camera == "NI")
        if (camera, light) == ("VL", "Strong"):
            cropped = f"PreProcess_Img/VL_Acropped/Strong/{subject}/{label}"
            recording(root, [f"{cropped}/{n:03}.jpeg" for n in numbers], int(subject[1:]))


TREES = {"oulu_casia": oulu_casia}
