"""What the documents say must be so."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support import forks

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
)


def blocks(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.M | re.S)


def test_the_python_of_the_readme_runs(dataset: Path) -> None:
    found = blocks("README.md")
    assert len(found) == 4
    code = "\n".join(found) + "\nprint(frame.shape, frames.shape, everything.shape, len(anger))"
    printed = forks.succeeded("-c", code)
    (train,) = dataset.glob("metadata/train-*.parquet")
    angry = pq.read_table(train, columns=["emotion"])["emotion"].to_pylist().count(4)
    assert angry > 0
    assert printed.splitlines()[-1] == (
        f"torch.Size([3, 64, 64]) torch.Size([3, 3, 64, 64]) (16, 64, 64, 3) {angry}"
    )


def test_the_pages_are_found_from_anywhere() -> None:
    # The working directory of a test is an empty one.
    assert {"README.md", "docs/dataset.md"} <= set(runpy.run_path(__file__)["PAGES"])


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_the_continuous_integration_runs_the_readmes_test_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"<!-- test command -->\n```bash\n(.*?)\n```", readme)
    assert command.endswith("python -m pytest --numprocesses 2")
    (awk,) = re.findall(
        r"^command=\$\((awk .*)\)$", (ROOT / ".ci/run").read_text("utf-8"), flags=re.M
    )
    done = subprocess.run(["bash", "-c", awk], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == command
