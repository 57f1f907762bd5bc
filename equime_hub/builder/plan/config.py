"""What to plan for every face."""

from __future__ import annotations

from dataclasses import dataclass, field

from equime_hub.builder import causal, prompts
from equime_hub.builder.plan.balance import PlanBalance
from equime_hub.errors import PlanError
from equime_hub.schema.taxonomy import EMOTION_PRESETS, EMOTIONS
from equime_hub.splits.assign import DEFAULT_SHARES
from equime_hub.video.timing import frames_in

_OTHER_EMOTION = "emotion="


@dataclass(frozen=True)
class PlanConfig:
    """What to plan for every face.

    Attributes:
        emotions: Emotions, one clip each.
        emotion_weights: How often each emotion is wanted, in any unit; empty is equally often.
        repeats: Clips per face and emotion.
        seed: Any integer; another seed gives other AUs, times and noise.
        width: Pixels.
        height: Pixels.
        num_frames: Frames in a clip.
        fps: Frames per second of the scene.
        duration_ms: Shortest and longest time from onset to offset, milliseconds. The field's
            bound for a micro-expression is 500.
        split: Shares of train, validation and test.
        wording: Style of the prompts, one of `prompts.VERSIONS`.
        counterfactuals: What to change in further clips of the same person, times and noise:
            "do(AU4=0.3)" sets AUs, "emotion=anger" takes another emotion's AUs.
        balance: How many clips every group of people gets.
        limit_people: At most so many people; a smaller number takes a part of the same people.
        limit_vectors: At most so many AU vectors, drawn first and then shared by the clips.
            Neither here nor below are counterfactuals counted.
        limit_clips: At most so many clips.
    """

    emotions: tuple[str, ...] = EMOTION_PRESETS["equime-paper"]
    emotion_weights: tuple[float, ...] = ()
    repeats: int = 1
    seed: int = 0
    width: int = 256
    height: int = 256
    num_frames: int = 64
    fps: float = 100.0
    duration_ms: tuple[float, float] = (200.0, 500.0)
    split: tuple[float, float, float] = DEFAULT_SHARES
    wording: str = "facs"
    counterfactuals: tuple[str, ...] = ()
    balance: PlanBalance = field(default_factory=PlanBalance)
    limit_people: int | None = None
    limit_vectors: int | None = None
    limit_clips: int | None = None

    def __post_init__(self) -> None:
        self._check_emotions()
        self._check_limits()
        known = ", ".join(prompts.VERSIONS)
        _demand(self.wording in prompts.VERSIONS, f"wording must be one of {known}", self.wording)
        _demand(self.repeats >= 1, "repeats must be at least 1", self.repeats)
        sizes = (self.width, self.height)
        _demand(min(sizes) >= 1, "sizes must be positive", sizes)
        _demand(
            min(self.split) >= 0 and abs(sum(self.split) - 1) < 1e-9,
            "split must be three shares of at least 0 that sum to 1",
            self.split,
        )
        low, high = self.duration_ms
        ordered = 0 < low <= high < float("inf")
        _demand(ordered, "duration_ms must satisfy 0 < shortest <= longest", (low, high))
        _demand(0 < self.fps < float("inf"), "fps must be positive", self.fps)
        _demand(
            frames_in(high, self.fps) >= 2,
            f"an expression of at most {high:g} ms needs two frames: fps must be at least "
            f"{2000 / high:g}",
            self.fps,
        )
        shortest = self.duration_frames()[0]
        _demand(
            shortest < self.num_frames,
            f"an expression of {self.duration_ms[0]:g} ms at {self.fps:g} fps needs at least "
            f"{shortest + 1} frames: raise num_frames, lower fps or shorten duration_ms",
            f"{self.num_frames} frames",
        )

    def _check_emotions(self) -> None:
        _demand(bool(self.emotions), "emotions must name at least one", self.emotions)
        different = len(set(self.emotions)) == len(self.emotions)
        _demand(different, "emotions must differ", self.emotions)
        weights = self.emotion_weights
        _demand(
            not weights or len(weights) == len(self.emotions),
            f"emotion_weights must be {len(self.emotions)} numbers, one an emotion, or none",
            weights,
        )
        _demand(
            all(0 < weight < float("inf") for weight in weights),
            "emotion_weights must be above 0; leave out an emotion that is not wanted",
            weights,
        )
        plain = tuple(map(intervention, self.counterfactuals))
        object.__setattr__(self, "counterfactuals", plain)  # one spelling, one clip
        _demand(len(set(plain)) == len(plain), "counterfactuals must differ", plain)
        for changed in filter(None, map(other_emotion, plain)):
            _demand(
                changed not in self.emotions,
                "a counterfactual must have another emotion than its clip: leave the emotion out "
                f"of emotions ({', '.join(self.emotions)}), or ask for another",
                changed,
            )

    def _check_limits(self) -> None:
        for name in ("limit_people", "limit_vectors", "limit_clips"):
            value = getattr(self, name)
            _demand(value is None or value >= 1, f"{name} must be at least 1", value)
        _demand(
            self.limit_vectors is None or self.limit_vectors >= len(self.emotions),
            f"limit_vectors must leave each of the {len(self.emotions)} emotions one",
            self.limit_vectors,
        )
        _demand(
            self.limit_clips is None or (self.balance.rule, self.balance.clips) == ("as-is", None),
            "limit_clips would undo a balance: ask the balance for that number of clips instead",
            self.limit_clips,
        )

    def weights(self) -> dict[str, float]:
        """Weight of every emotion."""
        weights = self.emotion_weights or (1.0,) * len(self.emotions)
        return dict(zip(self.emotions, weights, strict=True))

    def duration_frames(self) -> tuple[int, int]:
        """Fewest and most frames from onset to offset; at least 2, so that an apex fits."""
        low, high = (max(2, round(frames_in(ms, self.fps))) for ms in self.duration_ms)
        return low, max(low, min(high, self.num_frames - 1))


def intervention(text: str) -> str:
    """An intervention in its one spelling.

    >>> intervention("AU12=0, AU4=.30"), intervention("emotion=anger")
    ('do(AU4=0.3,AU12=0)', 'emotion=anger')

    Raises:
        PlanError: It is neither.
    """
    emotion = other_emotion(text.strip())
    if emotion is None:
        return causal.describe(causal.parse_do(text))
    if emotion not in EMOTIONS:
        raise PlanError(f"There is no emotion {emotion!r}. Emotions: {', '.join(EMOTIONS)}.")
    return text.strip()


def other_emotion(intervention: str) -> str | None:
    """The emotion that an intervention sets; None if it sets AUs."""
    found = intervention.removeprefix(_OTHER_EMOTION)
    return None if found == intervention else found


def _demand(holds: bool, rule: str, got: object) -> None:
    if not holds:
        raise PlanError(f"{rule}; got {got}.")
