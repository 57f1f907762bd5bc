from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import av
import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForVideoClassification, AutoVideoProcessor, pipeline

from equime_hub.errors import ModelError, VideoError
from equime_hub.models.configuration import MicroExpressionConfig
from equime_hub.models.modeling import MicroExpressionModel
from equime_hub.models.processing import InputConfig, MicroExpressionVideoProcessor
from equime_hub.video import codec
from equime_hub.video.decoder import AvDecoder
from equime_hub.video.moments import Moments
from tests.models.test_processing import Frames, levels, processor
from tests.support import forks
from tests.video.test_codec import textured_clip


class TinyConfig(MicroExpressionConfig):
    model_type = "tiny-for-processing"
    inputs: ClassVar[dict[str, Any]] = {"face_crop": "none"}
    num_frames: int | None = 4
    image_size: int = 16


class TinyForVideoClassification(MicroExpressionModel):
    """Says how bright each third of the clip's frames is."""

    config_class: ClassVar[type[TinyConfig]] = TinyConfig  # type: ignore[misc]

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        self.head: Any = torch.nn.Linear(config.num_channels, config.num_labels or 0)
        self.post_init()  # type: ignore[no-untyped-call]

    def logits(self, videos: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        frames = videos.mean((3, 4))
        if mask is None:
            return torch.as_tensor(self.head(frames.mean(1)))
        weights = mask[..., None].float()
        return torch.as_tensor(self.head((frames * weights).sum(1) / weights.sum(1)))


AutoConfig.register(TinyConfig.model_type, TinyConfig)

AutoModelForVideoClassification.register(TinyConfig, TinyForVideoClassification)

AutoVideoProcessor.register(TinyConfig, MicroExpressionVideoProcessor)


def test_every_way_in_gives_the_same(tmp_path: Path) -> None:
    clip = textured_clip(12, 48)
    data = codec.encode(clip)
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    ours = processor(num_frames=5, standardize=True, num_channels=1)
    prepared = ours.prepare(data).values
    expected = ours.finish([prepared])["pixel_values_videos"]
    for video in (data, path, str(path), AvDecoder(data), AvDecoder(path)):
        assert torch.equal(ours(video)["pixel_values_videos"], expected)
        assert torch.equal(
            ours([video, data])["pixel_values_videos"], expected.repeat(2, 1, 1, 1, 1)
        )
    frames = codec.decode(data)
    again = ours.prepare(frames).values
    assert np.median(np.abs(prepared.astype(int) - again)) <= 1  # RGB is not quite what luma was
    expected = ours.finish([again])["pixel_values_videos"]
    for stack in (
        frames,
        frames.frames,
        [*frames.frames],
        torch.from_numpy(frames.frames),
        frames.frames[None],
    ):
        assert torch.equal(ours(stack)["pixel_values_videos"], expected)
    picked = codec.decode(data, ours.prepare(data).frames)
    chosen = ours(picked, do_sample_frames=False)["pixel_values_videos"]
    assert torch.equal(chosen, expected)

    assert isinstance(ours(data, return_tensors="np")["pixel_values_videos"], np.ndarray)
    with pytest.raises(ModelError, match="at least one clip"):
        ours([])
    with pytest.raises(ModelError, match="up to 5"):
        ours(clip, do_sample_frames=False)
    with pytest.raises(ModelError, match="2 moments for 1 videos"):
        ours(clip, [None, None])


def test_the_call_may_ask_for_another_number_of_frames() -> None:
    ours = processor(num_frames=5)
    assert ours(levels(9), num_frames=3)["pixel_values_videos"].shape[1] == 3
    prepared = ours.prepare(levels(9), num_frames=3)
    assert prepared.frames == (0, 4, 8)
    assert ours.finish([prepared.values], num_frames=3)["pixel_values_videos"].shape[1] == 3
    assert ours.num_frames == 5
    with pytest.raises(ModelError, match="must be 1, which sampling gives, got 3"):
        processor(sampling="apex")(levels(9), num_frames=3)


def test_keys_name_what_prepare_depends_on() -> None:
    ours = processor(num_frames=4)
    same: list[dict[str, Any]] = [
        {"standardize": True},
        {"pad": "zero"},
        {"do_rescale": False},
        {"input_kind": "difference"},
        {"do_normalize": True, "image_mean": 0.5, "image_std": 0.5},
    ]
    for given_ in same:
        assert processor(num_frames=4, **given_).key() == ours.key()
    others: list[dict[str, Any]] = [
        {"num_frames": 5},
        {"sampling": "first"},
        {"num_channels": 1},
        {"size": 32},
        {"crop_margin": 2.0},
        {"face_crop": "face"},
        {"input_kind": "flow"},
        {"input_kind": "flow", "flow_from": "previous"},
        {"normalize_fps": 100},
    ]
    keys = {processor(**{"num_frames": 4, **given_}).key() for given_ in others}
    assert len(keys | {ours.key()}) == len(others) + 1


def test_saved_and_loaded(tmp_path: Path) -> None:
    ours = processor(times_ms=[0, 40.5], image_mean=[1, 2, 3], num_channels=3, crop_margin=1.25)
    ours.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["video_preprocessor_config.json"]
    for cls in (MicroExpressionVideoProcessor, AutoVideoProcessor):
        again = cls.from_pretrained(tmp_path)
        assert type(again) is MicroExpressionVideoProcessor
        assert again.settings == ours.settings
        assert again.key() == ours.key()
    other = MicroExpressionVideoProcessor.from_pretrained(tmp_path, crop_margin=2.0)
    assert other.crop_margin == 2
    saved = set(ours.to_dict())
    assert saved == {field.name for field in fields(InputConfig)} | {"video_processor_type"}


def test_follows_the_configuration_of_a_model() -> None:
    config = TinyConfig(num_frames=7, num_channels=1, image_size=24)
    ours = MicroExpressionVideoProcessor.for_config(config, standardize=True)
    assert (ours.num_frames, ours.num_channels, ours.settings.side) == (7, 1, 24)
    assert (ours.face_crop, ours.standardize) == ("none", True)
    with pytest.raises(ModelError, match="no setting nmu_frames: it has sampling"):
        MicroExpressionVideoProcessor.for_config(config, nmu_frames=3)


@pytest.mark.parametrize("num_frames", [4, None])
def test_pipeline_shows_the_model_the_same(tmp_path: Path, num_frames: int | None) -> None:
    config = TinyConfig(num_frames=num_frames)
    model = TinyForVideoClassification(config)
    model.train(False)
    assert config.id2label is not None
    ours = MicroExpressionVideoProcessor.for_config(config)
    model.save_pretrained(tmp_path / "model")
    ours.save_pretrained(tmp_path / "model")
    paths = []
    for count in (9, 24):
        paths.append(str(tmp_path / f"{count}.mp4"))
        Path(paths[-1]).write_bytes(codec.encode(textured_clip(count)))
    classify = pipeline("video-classification", str(tmp_path / "model"), device="cpu")
    assert isinstance(classify.video_processor, MicroExpressionVideoProcessor)
    with torch.inference_mode():
        alone = [model(**ours(path)).logits.softmax(-1)[0] for path in paths]
        together = model(**ours(paths)).logits.softmax(-1)
    for answer, expected, also in zip(classify(paths, top_k=5), alone, together, strict=True):
        found = {entry["label"]: entry["score"] for entry in answer}
        for index, name in config.id2label.items():
            assert found[name] == pytest.approx(float(expected[index]), abs=1e-6)
            assert found[name] == pytest.approx(float(also[index]), abs=1e-6)


def file(codec_name: str, pixels: str, frames: Sequence[Frames], **options: Any) -> bytes:
    """A file as others make it."""
    target = io.BytesIO()
    with av.open(target, "w", format=options.get("format", "matroska")) as container:
        stream: Any = container.add_stream(codec_name, rate=25)
        height, width = frames[0].shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        sound: Any = container.add_stream("pcm_s16le", rate=8000) if "sound" in options else None
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = index * index if "uneven" in options else index
            container.mux(stream.encode(picture))
            if sound is not None:
                samples = av.AudioFrame.from_ndarray(
                    np.zeros((1, 320), np.int16), format="s16", layout="mono"
                )
                samples.sample_rate = 8000
                container.mux(sound.encode(samples))
        container.mux(stream.encode())
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("gray", lambda frames: file("ffv1", "gray", frames)),
        ("sound", lambda frames: file("mpeg4", "yuv420p", frames, sound=True)),
        ("uneven", lambda frames: file("mpeg4", "yuv420p", frames, uneven=True)),
        ("deep", lambda frames: file("ffv1", "yuv420p10le", frames)),
        ("odd", lambda frames: file("ffv1", "bgr0", [f[:47, :63] for f in frames])),
        ("avi", lambda frames: file("mjpeg", "yuvj420p", frames, format="avi")),
    ],
)
def test_files_of_all_kinds(name: str, data: Any) -> None:
    frames = textured_clip(12, 64).frames
    for given_ in ({"num_frames": 4}, {"sampling": "apex", "face_crop": "face"}):
        made = processor(**given_)(data([*frames]))["pixel_values_videos"]
        assert 0.1 < float(made.mean()) < 0.9, name


def test_a_file_is_read_no_further_than_needed() -> None:
    data = codec.encode(textured_clip(120))
    cut = data[: len(data) * 9 // 10]
    made = processor(indices=[80, 0]).prepare(cut)
    assert np.array_equal(made.values, processor(indices=[80, 0]).prepare(data).values)
    assert processor(sampling="onset_apex").prepare(cut, Moments(3, 60)).frames == (3, 60)
    with pytest.raises(VideoError, match="cut short"):
        processor(num_frames=2).prepare(cut)


@pytest.mark.parametrize(
    ("video", "given_", "said"),
    [
        (b"not a video", {}, "Expected a video file"),
        ("nowhere.mp4", {}, "nowhere.mp4"),
        ("http://example.org/a.mp4", {}, "fetch it first"),
        (levels(3), {"indices": [3]}, "Frame 3 of the setting indices"),
        (levels(3), {"times_ms": [0, 120]}, "not all in a clip of 120 ms"),
        (levels(3).frames, {"times_ms": [0]}, "give Clip"),
        (levels(3).frames, {"normalize_fps": 100}, "give Clip"),
        (levels(3, 64).frames / 255, {}, "uint8"),
    ],
)
def test_broken_videos_are_refused_in_a_sentence(video: Any, given_: Any, said: str) -> None:
    with pytest.raises(VideoError, match=said):
        processor(**given_)(video)


def test_thousands_of_large_frames_need_little_memory() -> None:
    """2,000 frames of 1280×720 are 5.5 GB: in a process with 1.5 GB more than it starts with."""
    program = """
import resource, sys
import numpy as np
from equime_hub.models.processing_config import InputConfig
from equime_hub.models.processing_prepare import prepare
from equime_hub.video.footage import Footage
from equime_hub.video.picture import Pixels

frame = np.zeros((720, 1280, 3), np.uint8)
video = Footage(2000, 100.0, lambda indices: (Pixels(frame.copy()) for _ in sorted(set(indices))))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for given in ({"sampling": "all"}, {"sampling": "around_apex", "num_frames": 8}):
    prepare(InputConfig(size=32, face_crop="none", num_channels=1, **given), video)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    assert int(forks.succeeded("-c", program, env=forks.environment()).split()[-1]) < 100


def test_settings_are_attributes_that_are_checked_when_used() -> None:
    ours = processor(num_frames=4)
    ours.num_frames = 2
    assert ours.prepare(levels(9)).frames == (0, 8)
    ours.sampling = "sometimes"
    with pytest.raises(ModelError, match="sometimes"):
        ours.prepare(levels(9))


def test_a_damaged_name_inside_a_file_is_no_matter() -> None:
    data = codec.encode(textured_clip(12))
    damaged = data.replace(b"VideoHandler", b"\xff\x85deoHandler")
    assert damaged != data
    expected = processor(num_frames=4).prepare(data).values
    assert np.array_equal(processor(num_frames=4).prepare(damaged).values, expected)
