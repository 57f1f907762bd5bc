"""Which clip had which role in which fold: `rows.parquet` of a run.

One row says that a clip has a role in a fold. A row may leave the fold out, so that leave-one-out
folds need two rows a clip instead of one for each fold:

- `train` or `validation` without fold: in every fold in which no other row names the clip, but
  for `pretrain`. So "train on all that is not tested" is a row `train` without fold and a row
  `test` with one.
- `pretrain` without fold: in every fold, tested there or not, as weights that were pretrained
  once have seen it.
- `test` and `unused` always name their fold. `unused` takes a clip out of a fold, such as those
  whose donors are tested there.

The columns of `CLIP` and `subject_id` describe the clip. They may be null in all rows of a clip
but one. `seed` is there only if folds were drawn anew for each seed of training; then every row
that names a fold names its seed too.
"""

from equime_hub.evaluation.rows.reader import read as read
from equime_hub.evaluation.rows.roles import CLIP as CLIP
from equime_hub.evaluation.rows.roles import PRETRAIN as PRETRAIN
from equime_hub.evaluation.rows.roles import REQUIRED as REQUIRED
from equime_hub.evaluation.rows.roles import ROLES as ROLES
from equime_hub.evaluation.rows.roles import TEST as TEST
from equime_hub.evaluation.rows.roles import TRAIN as TRAIN
from equime_hub.evaluation.rows.roles import VALIDATION as VALIDATION
from equime_hub.evaluation.rows.roles import Codes as Codes
from equime_hub.evaluation.rows.roles import Fold as Fold
from equime_hub.evaluation.rows.roles import Mask as Mask
from equime_hub.evaluation.rows.roles import Rows as Rows
from equime_hub.evaluation.rows.writer import table as table
from equime_hub.evaluation.rows.writer import write as write
