from __future__ import annotations

import ast
import configparser
import graphlib
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]


def test_imports_point_downwards() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_contributing_draws_the_layers_that_are_checked() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    checked = setup["importlinter:contract:layers"]["layers"].replace("equime_hub.", "")
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (drawing,) = re.findall(r"^```\n(cli .*?)^```", text, flags=re.M | re.S)
    assert [re.split(" {2,}", line)[0] for line in drawing.splitlines()] == checked.split("\n")[1:]


def test_no_circle_among_modules() -> None:
    graph = grimp.build_graph("equime_hub")
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    graphlib.TopologicalSorter(imports).prepare()  # CycleError names the circle


def test_a_class_name_means_one_thing() -> None:
    places = defaultdict(list)
    for path in sorted((ROOT / "equime_hub").rglob("*.py")):
        # A metric's folder is a module of its own on the Hub: links stand for what it needs.
        if not path.is_symlink():
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: at for name, at in places.items() if len(at) > 1} == {}
