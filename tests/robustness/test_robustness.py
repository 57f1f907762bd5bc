from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from equime_hub.errors import DatasetError, ModelError
from equime_hub.models import surfaces
from equime_hub.models.attacks import Attack
from equime_hub.reports import robustness as reports
from equime_hub.reports.robustness import verdicts
from equime_hub.robustness.degradations import Degradation
from equime_hub.robustness.measure import Robustness, RobustnessConfig, Trial, robustness
from tests.support import moving
from tests.support.moving import (
    CLASSES,
    FaceReader,
    FlowReader,
    MotionReader,
    examples,
    saved,
)

FEW = RobustnessConfig(
    attacks=(Attack("fgsm", 0.0), Attack("fgsm", 30.0), Attack("pgd", 30.0, 3)),
    degradations=(Degradation("static"), Degradation("shuffled"), Degradation("jpeg", 90)),
    draws=50,
)


def measured(model: type[moving.Reader], **changes: Any) -> Robustness:
    return robustness([Trial(saved(model), examples())], replace(FEW, **changes))


def uf1(found: Robustness, name: str) -> float:
    condition = found.condition(name)
    assert condition is not None
    return condition.uf1


def test_a_model_that_reads_motion_knows_nothing_of_a_static_face() -> None:
    found = measured(MotionReader)
    assert found.clean.uf1 == 1.0 and found.guessing < 0.4
    assert uf1(found, "static") <= found.guessing
    assert uf1(found, "shuffled") < 0.7
    assert uf1(found, "jpeg") == 1.0
    first = next(verdicts(found))
    assert first.startswith("The static control keeps 0.") and "as it should" in first


def test_a_model_that_reads_faces_keeps_its_score_without_motion() -> None:
    found = measured(FaceReader)
    assert found.clean.uf1 == uf1(found, "static") == uf1(found, "shuffled") == 1.0
    static, shuffled = verdicts(found)
    assert static.endswith("this model may read faces, not motion.")
    assert "keeps 1.00 of UF1 (1.00 of 1.00; guessing gives 0.33)" in static
    assert "order of frames hardly matters" in shuffled


def test_attacks_lower_what_is_left_and_epsilon_0_changes_nothing() -> None:
    found = measured(FaceReader)
    clean, none, once, often = found.conditions[:4]
    assert (none.uf1, none.changed) == (clean.uf1, 0)
    assert none.loss == pytest.approx(clean.loss, abs=1e-5)
    assert often.uf1 <= once.uf1 < 0.5 < clean.uf1
    assert often.loss >= once.loss > clean.loss
    assert once.kept == once.uf1 and once.changed > 0.5


def test_flow_is_attacked_itself_and_the_table_says_so() -> None:
    found = measured(FlowReader, attacks=(Attack("fgsm", 0.5), Attack("pgd", 5.0, 2)))
    assert found.unit == surfaces.FLOW and found.clean.uf1 == 1.0
    assert uf1(found, "static") <= found.guessing
    clean, weak, strong = found.conditions[:3]
    # One step moves each of u and v by epsilon, so the logits by twice as much at most.
    assert clean.loss < weak.loss <= clean.loss + 4 * 0.5
    assert strong.uf1 < 0.5
    assert any("optical flow itself" in note for note in found.notes)


def test_a_model_at_chance_is_told_nothing_about() -> None:
    class Blind(moving.Reader):
        def logits(self, videos: Tensor, mask: Tensor | None) -> Tensor:
            return videos.mean((1, 2, 3, 4))[:, None] * torch.tensor([0.0, 1.0, 0.0]) + 1e-3

    (said,) = verdicts(measured(Blind))
    assert "the controls say nothing" in said


def test_batches_and_folds_change_nothing() -> None:
    whole = measured(MotionReader)
    clips = examples()
    model = saved(MotionReader)
    half = len(clips) // 2
    folds = [
        Trial(model, clips.take(rows), (name,) * len(rows))
        for name, rows in (("a", range(half)), ("b", range(half, len(clips))))
    ]
    other = robustness(folds, replace(FEW, batch_size=3))
    assert [c.part.report.confusion for c in other.conditions] == [
        c.part.report.confusion for c in whole.conditions
    ]
    assert other.clean.part.folds == 2


def test_seeds_are_averaged() -> None:
    trials = [
        Trial(saved(kind), examples(), seed=s) for s, kind in enumerate((MotionReader, FaceReader))
    ]
    found = robustness(trials, replace(FEW, degradations=(Degradation("static"),), attacks=()))
    assert found.clean.part.clips == 15
    score = found.conditions[1].part.scores["uf1"]
    assert score.mean == pytest.approx((1 + 1 / 6) / 2) and score.sd is not None


def test_broken_clips_are_named_and_left_out() -> None:
    clips = examples(broken=2)
    told: list[tuple[int, int]] = []
    found = robustness(
        [Trial(saved(MotionReader), clips)], FEW, lambda done, total: told.append((done, total))
    )
    assert found.clean.part.clips == len(clips) - 2
    assert [*found.broken] == clips.names[:2]
    assert any("2 clips: clip-00 (" in note for note in found.notes)
    assert told[-1] == (len(clips), len(clips))
    with pytest.raises(DatasetError, match="None of 2 clips can be decoded"):
        robustness([Trial(saved(MotionReader), clips.take([0, 1]))], FEW)


def test_classes_must_be_the_models() -> None:
    clips = examples()
    other = replace(clips, classes=CLASSES[::-1])
    with pytest.raises(ModelError, match="gather them with the model's"):
        robustness([Trial(saved(MotionReader), other)], FEW)


def test_the_table_and_json_say_all() -> None:
    found = measured(MotionReader)
    table = reports.table(found)
    assert [row[0] for row in table.rows][:7] == [
        "clean", "FGSM, ε = 0", "FGSM, ε = 30", "PGD-3, ε = 30",
        "static: the first frame repeated", "shuffled frames", "JPEG, quality 90",
    ]  # fmt: skip
    assert {len(row) for row in table.rows} == {len(table.header)}
    assert table.rows[0][1].startswith("1.0000 [") and table.rows[0][4] == "1.00"
    assert table.rows[-1][0] == "chance"
    assert any("grey levels of 255" in note for note in table.notes)
    plain = reports.as_json(found)
    assert plain["epsilon_unit"] == "grey levels of 255"
    assert plain["conditions"][4]["done"] == {"kind": "static", "amount": 0.0}
    assert plain["conditions"][0]["scores"]["uf1"]["mean"] == 1.0
