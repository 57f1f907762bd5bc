"""Finds frontal faces and their parts with nothing but what an OpenCV 4 wheel carries.

Haar cascades (Viola & Jones 2001, models by R. Lienhart and S. Hameed) find faces and eyes; the
other parts start from adult proportions in the eye-level frame (unit: the inter-ocular distance,
IOD) and brows and mouth move to the darkest horizontal ridge near by. The proportions are ours,
read off the FFHQ alignment (Karras et al. 2019) and a few portraits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
from cv2.data import haarcascades

from equime_hub.schema.records import Landmarks, Point
from equime_hub.video.threads import one_thread

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]

LONG_SIDE = 1024
"""Faces are looked for in a copy no larger than this, in pixels."""
SKETCH = 128
"""`largest` looks for a face in a copy of this long side, where it must be 24 pixels wide."""
NEAR = 96
"""Width of a face in the copy in which `largest` looks for its eyes, in pixels."""
SCALE = 64
"""Pixels an IOD in the upright patch in which parts are refined."""
LEFT, TOP, WIDTH, HEIGHT = -1.25, -0.85, 2.5, 2.85
"""The patch in IODs; the point between the eyes is (0, 0), y points to the chin."""
EYE_WIDTH, EYE_HEIGHT = 0.46, 0.17


def locate(image: Image) -> list[Landmarks]:
    """Find all frontal faces.

    Args:
        image: H×W×3, uint8, RGB, of any size.

    Returns:
        One entry a face, the largest first; empty if there is none. Eyes of the largest that the
        detector misses are put where proportions want them.
    """
    height, width = image.shape[:2]
    small = _reduced(image, LONG_SIDE / max(height, width))
    gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    with one_thread():
        boxes = [_eyes(gray, box) for box in _faces(gray)]
        # A cascade also finds faces in cloth and foliage. The largest box is trusted, a further
        # one only if it has both eyes.
        found = [_parts(small, *eyes) for i, (eyes, seen) in enumerate(boxes) if seen or i == 0]
    return [_rescaled(face, width / small.shape[1], height / small.shape[0]) for face in found]


def largest(image: Image) -> Landmarks | None:
    """Find the largest face, several times faster than `locate` does.

    It is looked for in a small copy, and its eyes in one that is just large enough. What that
    does not settle, `locate` does.

    Args:
        image: As for `locate`.
    """
    height, width = image.shape[:2]
    with one_thread():
        tiny = _reduced(image, SKETCH / max(height, width))
        for box in _faces(np.asarray(cv2.cvtColor(tiny, cv2.COLOR_RGB2GRAY), np.uint8))[:1]:
            near = _reduced(image, tiny.shape[1] / width * NEAR / box[2])
            x, y, w, h = (round(value * near.shape[1] / tiny.shape[1]) for value in box)
            gray = np.asarray(cv2.cvtColor(near, cv2.COLOR_RGB2GRAY), np.uint8)
            eyes, seen = _eyes(gray, (x, y, w, h))
            if seen:
                face = _parts(near, *eyes)
                return _rescaled(face, width / near.shape[1], height / near.shape[0])
    return next(iter(locate(image)), None)


def canonical(width: int, height: int) -> Landmarks:
    """Where the parts are in an image aligned as CelebA-HQ and FFHQ are.

    Eyes lie at 0.375 and 0.625 of the side and 0.4725 of the height, the middle between the
    mouth corners at 0.7475 (what the alignment formula gives for an average face). In an image
    that is not square the aligned square is the largest centred one.
    """
    side = min(width, height)
    iod = 0.25 * side
    middle = ((width - 1) / 2, (height - 1) / 2 + (0.4725 - 0.5) * side)
    pixel = _eye_level(middle, (iod, 0.0))
    return _landmarks(pixel, iod, (-0.28, -0.28), (-0.39, 0.39, 1.1, 1.1), (1.01, 1.24))


def _eye_level(origin: Point, axis: Point) -> Callable[[float, float], Point]:
    """Gives image pixels of points in IODs.

    Args:
        origin: The point between the eyes, in pixels.
        axis: From the left to the right eye, in pixels.
    """
    (ox, oy), (ax, ay) = origin, axis
    return lambda x, y: (ox + x * ax - y * ay, oy + x * ay + y * ax)


def _reduced(image: Image, scale: float) -> Image:
    """A smaller copy, or the image itself where it is small enough."""
    if scale >= 1:
        return image
    height, width = (max(1, round(size * scale)) for size in image.shape[:2])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _faces(gray: Image) -> list[Box]:
    """Boxes of faces, largest first, none with its middle inside a larger one."""
    boxes = _cascade("frontalface_alt2").detectMultiScale(gray, 1.1, 4, minSize=(24, 24))
    kept: list[Box] = []
    for x, y, w, h in sorted((tuple(map(int, b)) for b in boxes), key=lambda b: (-b[2], b)):
        middle = (x + w / 2, y + h / 2)
        if not any(a <= middle[0] <= a + c and b <= middle[1] <= b + d for a, b, c, d in kept):
            kept.append((x, y, w, h))
    return kept


def _eyes(gray: Image, box: Box) -> tuple[tuple[Point, Point], bool]:
    """Centres of the two eye openings of a face, and whether both were seen."""
    x, y, w, h = box
    usual = ((x + 0.28 * w, y + 0.38 * h), (x + 0.72 * w, y + 0.38 * h))
    top, half = y + int(0.15 * h), w // 2
    left = _eye(gray, (x, top, half, int(0.45 * h)), usual[0])
    right = _eye(gray, (x + half, top, half, int(0.45 * h)), usual[1])
    seen = left is not None and right is not None
    if left is None and right is not None:
        left = (2 * x + w - right[0], right[1])
    if right is None and left is not None:
        right = (2 * x + w - left[0], left[1])
    if left is None or right is None:
        left, right = usual
    return (left, right), seen


def _eye(gray: Image, window: Box, usual: Point) -> Point | None:
    """Centre of the detection nearest to where an eye usually is, if any is near."""
    x, y, w, h = window
    part, least = gray[y : y + h, x : x + w], max(8, int(0.3 * w))
    for name in ("eye_tree_eyeglasses", "eye"):
        boxes = _cascade(name).detectMultiScale(part, 1.05, 3, minSize=(least, least))
        middles = [(x + a + c / 2, y + b + d / 2) for a, b, c, d in boxes]
        near = [(np.hypot(p - usual[0], q - usual[1]), p, q) for p, q in middles]
        if near and min(near)[0] < 0.3 * w:
            return _pupil(gray, (float(min(near)[1]), float(min(near)[2])), 0.11 * w)
    return None


def _pupil(gray: Image, point: Point, radius: float) -> Point:
    """Move a point half way to the centre of the darkness around it (iris, but also lashes)."""
    x0, y0 = (max(0, int(value - 3 * radius)) for value in point)
    x1, y1 = (int(value + 3 * radius) + 2 for value in point)
    patch = gray[y0:y1, x0:x1].astype(np.float32)
    ys, xs = np.mgrid[y0 : y0 + patch.shape[0], x0 : x0 + patch.shape[1]]
    near = np.exp(-((xs - point[0]) ** 2 + (ys - point[1]) ** 2) / (2 * radius**2))
    dark = near * np.clip(np.average(patch, weights=near) - patch, 0, None)
    if dark.sum() < 1:
        return point
    x, y = (float((dark * values).sum() / dark.sum()) for values in (xs, ys))
    return (point[0] + x) / 2, (point[1] + y) / 2


def _parts(image: Image, left: Point, right: Point) -> Landmarks:
    """All landmarks of a face from its eyes, refined on the upright patch around it."""
    middle = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2)
    axis = (right[0] - left[0], right[1] - left[1])
    pixel = _eye_level(middle, axis)
    corners = np.array([pixel(LEFT, TOP), pixel(LEFT + 1, TOP), pixel(LEFT, TOP + 1)], np.float32)
    target = np.array([(0, 0), (SCALE, 0), (0, SCALE)], np.float32)
    patch = cv2.warpAffine(
        image,
        cv2.getAffineTransform(corners, target),
        (int(WIDTH * SCALE), int(HEIGHT * SCALE)),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    lab = cv2.cvtColor(patch, cv2.COLOR_RGB2LAB).astype(np.float32)
    ridges = _ridges(lab[:, :, 0])
    brows = (_brow(ridges, -0.5), _brow(ridges, 0.5))
    mouth = _mouth(ridges)
    return _landmarks(pixel, float(np.hypot(*axis)), brows, mouth, _lips(lab[:, :, 1], mouth))


def _ridges(light: Array) -> Array:
    """How much darker each pixel is than what lies 0.04 IOD above and below it."""
    smooth = cv2.GaussianBlur(light, (0, 0), sigmaX=0.04 * SCALE, sigmaY=0.035 * SCALE)
    shift = round(0.05 * SCALE)
    around = (np.roll(smooth, shift, 0) + np.roll(smooth, -shift, 0)) / 2
    return np.clip(around - smooth, 0, None).astype(np.float32)


def _row(y: float) -> int:
    return round((y - TOP) * SCALE)


def _column(x: float) -> int:
    return round((x - LEFT) * SCALE)


def _strongest(profile: Array, first: float, usual: float, spread: float) -> float:
    """Height in IODs of the strongest row of a profile, preferring the usual height."""
    heights = first + np.arange(len(profile)) / SCALE
    score = profile * np.exp(-0.5 * ((heights - usual) / spread) ** 2)
    return float(heights[int(score.argmax())]) if score.max() > 0.5 else usual


def _brow(ridges: Array, eye: float) -> float:
    """Height of the eyebrow above an eye: the darkest band there."""
    band = ridges[_row(-0.5) : _row(-0.17), _column(eye - 0.2) : _column(eye + 0.2)]
    return _strongest(band.mean(1), -0.5, -0.28, 0.08)


def _mouth(ridges: Array) -> tuple[float, float, float, float]:
    """Mouth corners as (left x, right x, left y, right y), by following the line of the lips."""
    band = ridges[_row(0.8) : _row(1.35), _column(-0.2) : _column(0.2)]
    start = _strongest(band.mean(1), 0.8, 1.05, 0.15)
    strength = ridges[_row(start) - 1 : _row(start) + 2, _column(-0.2) : _column(0.2)].mean()
    ends = []
    for side in (-1, 1):
        row, x = _row(start), 0.0
        while abs(x) < 0.52:
            column = ridges[row - 1 : row + 2, _column(x)]
            if abs(x) > 0.3 and column.max() < 0.6 * strength:
                break
            row += int(column.argmax()) - 1
            x += side / SCALE
        ends.append((x, TOP + row / SCALE))
    (left, left_y), (right, right_y) = ends
    return left, right, left_y, right_y


def _lips(red: Array, mouth: tuple[float, float, float, float]) -> tuple[float, float]:
    """Heights of the lips' outer edges, where redness falls half way to the skin's."""
    middle, seam = (mouth[0] + mouth[1]) / 2, (mouth[2] + mouth[3]) / 2
    columns = slice(_column(middle - 0.12), _column(middle + 0.12))
    profile = red[:, columns].mean(1)
    near = profile[_row(seam - 0.2) : _row(seam + 0.4)]
    skin, lips = np.percentile(near, 20), np.percentile(near, 95)
    if lips - skin < 3:
        return seam - 0.09, seam + 0.14
    pale = profile < (skin + lips) / 2
    above = np.flatnonzero(pale[_row(seam - 0.16) : _row(seam - 0.04)])
    below = np.flatnonzero(~pale[_row(seam + 0.08) : _row(seam + 0.36)])
    top = seam - 0.16 + (above[-1] + 1) / SCALE if len(above) else seam - 0.16
    bottom = seam + 0.08 + below[-1] / SCALE if len(below) else seam + 0.14
    return float(top), float(bottom)


def _landmarks(
    pixel: Callable[[float, float], Point],
    iod: float,
    brows: tuple[float, float],
    mouth: tuple[float, float, float, float],
    lips: tuple[float, float],
) -> Landmarks:
    """Landmarks in pixels from heights and corners in IODs."""
    left, right, left_y, right_y = mouth
    middle = (left + right) / 2
    return Landmarks(
        left_eye=pixel(-0.5, 0),
        right_eye=pixel(0.5, 0),
        left_brow=pixel(-0.54, brows[0]),
        right_brow=pixel(0.54, brows[1]),
        nose=pixel(middle / 2, 0.57),
        mouth_left=pixel(left, left_y),
        mouth_right=pixel(right, right_y),
        mouth_top=pixel(middle, lips[0]),
        mouth_bottom=pixel(middle, lips[1]),
        chin=pixel(middle, (lips[0] + lips[1]) / 2 + 0.68),
        eye_width=EYE_WIDTH * iod,
        eye_height=EYE_HEIGHT * iod,
    )


def moved(
    face: Landmarks, points: Callable[[Floats], Floats], sizes: Callable[[Floats], Floats]
) -> Landmarks:
    """Landmarks elsewhere.

    Args:
        face: Where they were.
        points: All of them, 10×2 → where they go.
        sizes: Width and height of an eye → what becomes of them.
    """
    numbers = np.array(face.flat())
    places, eye = points(numbers[:20].reshape(10, 2)), sizes(numbers[20:])
    return Landmarks.from_flat((*places.ravel().tolist(), *eye.tolist()))


def _rescaled(face: Landmarks, sx: float, sy: float) -> Landmarks:
    """Landmarks of the image whose reduced copy they were found in."""
    return moved(
        face, lambda points: (points + 0.5) * (sx, sy) - 0.5, lambda sizes: sizes * (sx, sy)
    )


@cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(f"{haarcascades}haarcascade_{name}.xml")
