"""CK+ as its three archives are unpacked."""

from __future__ import annotations

from pathlib import Path

from tests.support.trees.drawing import recording

SEQUENCES = {
    "S005/001": (6, 3, ((9, 4), (17, 3), (24, 0))),
    "S005/002": (5, None, ((1, 0), (2, 0))),
    "S010/004": (7, 7, ((1, 3), (2, 2), (5, 5), (25, 0), (27, 0))),
    "S010/006": (5, 5, ((6, 0), (12, 3))),
    "S130/013": (5, 0, ()),
    "S999/001": (5, 2, ((14, 2),)),
}
"""Subject and sequence → frames, number of the emotion, AUs with intensities."""


def stem(sequence: str, number: int) -> str:
    """Name of a frame, without suffix."""
    return f"{sequence.replace('/', '_')}_{number:08}"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def ck_plus(root: Path, nested: bool = False) -> None:
    """Frame 3 of S010/006 is missing; with `nested` every archive is in a folder of its own."""
    images, emotions, facs = (
        ("extended-cohn-kanade-images/cohn-kanade-images", "Emotion_labels/Emotion",
         "FACS_labels/FACS")
        if nested
        else ("cohn-kanade-images", "Emotion", "FACS")
    )  # fmt: skip
    for person, (sequence, (length, emotion, units)) in enumerate(SEQUENCES.items()):
        numbers = [n for n in range(1, length + 1) if (sequence, n) != ("S010/006", 3)]
        names = [f"{images}/{sequence}/{stem(sequence, n)}.png" for n in numbers]
        recording(root, names, person, apex=len(names) - 1, gray=sequence < "S1")
        (root / images / sequence / ".DS_Store").write_bytes(b"")
        (root / emotions / sequence).mkdir(parents=True)
        if emotion is not None:
            label = root / emotions / sequence / f"{stem(sequence, length)}_emotion.txt"
            write(label, f"   {emotion:.7e}\n")
        lines = "".join(f"   {unit:.7e}   {strength:.7e}\n" for unit, strength in units)
        write(root / facs / sequence / f"{stem(sequence, length)}_facs.txt", lines)


TREES = {"ck_plus": ck_plus}
