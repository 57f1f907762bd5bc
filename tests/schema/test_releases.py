from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.errors import DatasetError
from equime_hub.schema.licences import RESTRICTED, is_restricted
from equime_hub.schema.releases import (
    NAME,
    Release,
    check_tag,
    next_tag,
    read_releases,
    write_releases,
)
from equime_hub.schema.stamp import generation_name

ONE = Release("v1.0.0", "2026-11-21", "3fa8c21d", "77aa", {"train": 95, "test": 5}, 24, "é | ü")


def test_releases_survive_the_file(tmp_path: Path) -> None:
    assert read_releases(tmp_path) == ()
    two = Release("v1.1.0", "2026-12-01", "00ff", "11ee", {"train": 1}, 1)
    write_releases(tmp_path, [ONE, two])
    assert read_releases(tmp_path) == (ONE, two)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"releases": 1}',
        '{"releases": [1]}',
        '{"releases": [{"tag": "v1.0.0"}]}',
        json.dumps({"releases": [{**vars(ONE), "tag": 1}]}),
        json.dumps({"releases": [{**vars(ONE), "people": "24"}]}),
        json.dumps({"releases": [{**vars(ONE), "people": True}]}),
        json.dumps({"releases": [{**vars(ONE), "clips": [1]}]}),
        json.dumps({"releases": [{**vars(ONE), "clips": {"train": -1}}]}),
        json.dumps({"releases": [{**vars(ONE), "more": 1}]}),
    ],
)
def test_damaged_releases(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(DatasetError, match=r"releases\.json is damaged"):
        read_releases(tmp_path)


@given(st.lists(st.tuples(*[st.integers(0, 30)] * 3), min_size=1))
def test_the_next_tag_is_new_and_greater(versions: list[tuple[int, int, int]]) -> None:
    tag = next_tag([f"v{a}.{b}.{c}" for a, b, c in versions])
    assert tuple(map(int, tag[1:].split("."))) > max(versions)
    assert check_tag(tag) == tag


@pytest.mark.parametrize("tag", ["", "main", "a b", "a/b", "-a", ".a", "a.", "a..b", "a.lock", "é"])
def test_tags_that_git_or_we_refuse(tag: str) -> None:
    with pytest.raises(DatasetError, match="cannot be a tag"):
        check_tag(tag)


def test_names_of_generations_differ_and_keep_the_split_first() -> None:
    names = [
        generation_name(f"{folder}/test-00000-of-00001.parquet", build)
        for folder in ("data", "metadata")
        for build in ("3fa8c21d90ab", "aaaaaaaabbbb")
    ]
    assert len({*names}) == 4
    assert names[0] == "data/test-g3fa8c21d-00000-of-00001.parquet"
    assert min(names[0], "data/test-00009-of-00010.parquet") != names[0]


def test_restricted_clips() -> None:
    assert is_restricted(f"{RESTRICTED}SAMM release form") and is_restricted("Restricted: x")
    assert not is_restricted(None) and not is_restricted("CC BY-NC-SA 4.0, unrestricted: yes")
