"""A linter for runs: does anything of the test leak into what was learnt, chosen or counted?

A rule looks at the rows, the manifest and the predictions of a run, never at pixels: photographs
that look the same are what `splits.audit` looks for.
"""

from equime_hub.evaluation.lint.rule import RULES as RULES
from equime_hub.evaluation.lint.rule import Found as Found
from equime_hub.evaluation.lint.rule import LintFinding as LintFinding
from equime_hub.evaluation.lint.rule import LintReport as LintReport
from equime_hub.evaluation.lint.rule import Rule as Rule
from equime_hub.evaluation.lint.rule import check as check
from equime_hub.evaluation.lint.rule import chosen as chosen
from equime_hub.evaluation.lint.rule import clips_found as clips_found
from equime_hub.evaluation.lint.rule import rule as rule
from equime_hub.evaluation.lint.rule import unchecked as unchecked
from equime_hub.evaluation.lint.rule import without as without
from equime_hub.evaluation.lint.run import LintRun as LintRun
from equime_hub.evaluation.lint.run import read as read
