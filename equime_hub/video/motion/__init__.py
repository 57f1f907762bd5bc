"""When, where and how far a face moves: the estimator behind the motion columns.

    motion = estimate(frames, fps, landmarks)
    motion.apex_frame, classify(motion)

The landmarks are those of the face in the first frame: the plan's, moved by
`builder.faces.align`, for clips made here; for other clips whatever finds faces, such as
`video.locate` on the first frame.
"""

from __future__ import annotations

from equime_hub.video.motion.estimate import estimate
from equime_hub.video.motion.values import KINDS, Motion, Thresholds, classify

__all__ = ["KINDS", "Motion", "Thresholds", "classify", "estimate"]
