from __future__ import annotations

from dataclasses import replace

from equime_hub.cards.dataset_card import changes
from equime_hub.schema.releases import Release

FIRST = Release("v1.0.0", "2026-11-21", "aa", "bb", {"train": 1000, "test": 5}, 1, "")


def test_no_releases_are_nothing() -> None:
    assert changes(()) == ""


def test_the_newest_is_first_and_clips_add_up() -> None:
    second = replace(FIRST, tag="v1.1.0", clips={"train": 1}, people=2, build="cc")
    assert changes((FIRST, second)).split("\n\n") == [
        "**v1.1.0**, 2026-11-21: 1 clip of 2 people (1 train), 1,006 in all; build `cc`.",
        "**v1.0.0**, 2026-11-21: 1,005 clips of 1 person (1,000 train and 5 test), 1,005 in all; "
        "build `aa`.",
    ]


def test_a_note_stays_in_its_line() -> None:
    noted = replace(FIRST, note="More.\n\n## Access\nFor all.")
    assert changes((noted,)).endswith("build `aa`. More. ## Access For all.")
    assert "\n" not in changes((noted,))
