"""The page of a Space: a table to fill in, and the score.

It stands, as a link, in the folder of each metric, and knows the metric's own file by the method
that `evaluate` demands of a metric.
"""

import re
from pathlib import Path

import evaluate
from evaluate.utils import launch_gradio_widget

if __name__ == "__main__":
    here = Path(__file__).parent.glob("*.py")
    (own,) = (file for file in here if re.search(r"^ +def _info\(", file.read_text("utf-8"), re.M))
    launch_gradio_widget(evaluate.load(str(own)))
