"""A linter for runs: does anything of the test leak into what was learnt, chosen or counted?

A rule looks at the rows, the manifest and the predictions of a run, never at pixels: photographs
that look the same are what `splits.audit` looks for.
"""

from equime_hub.evaluation.lint.check import RULES as RULES
from equime_hub.evaluation.lint.check import Report as Report
from equime_hub.evaluation.lint.check import check as check
from equime_hub.evaluation.lint.check import chosen as chosen
from equime_hub.evaluation.lint.finding import Finding as Finding
from equime_hub.evaluation.lint.finding import Found as Found
from equime_hub.evaluation.lint.finding import Rule as Rule
from equime_hub.evaluation.lint.finding import rule as rule
from equime_hub.evaluation.lint.run import Run as Run
from equime_hub.evaluation.lint.run import read as read
