"""What the documents say must be so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *map(str, Path("docs").glob("*.md"))]


def blocks(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.M | re.S)


def test_the_python_of_the_readme_runs(dataset: Path) -> None:
    found = blocks("README.md")
    assert len(found) == 4
    code = "\n".join(found) + "\nprint(frame.shape, frames.shape, everything.shape, len(anger))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=dataset.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == (
        "torch.Size([3, 64, 64]) torch.Size([3, 3, 64, 64]) (16, 64, 64, 3) 6"
    )


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_the_continuous_integration_runs_the_readmes_test_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"<!-- test command -->\n```bash\n(.*?)\n```", readme)
    assert command.endswith("python -m pytest --numprocesses 2")
    assert "<!-- test command -->" in (ROOT / ".ci/run").read_text(encoding="utf-8")
