"""Prediction logs: what was predicted for every clip, so that every score can be recomputed.

A log is one Parquet file a run, one row a prediction. Predictions of others come in as CSV or in
the form of MEGC 2019, and go out in the same forms.
"""

from equime_hub.evaluation.log.columns import checked as checked
from equime_hub.evaluation.log.columns import joined as joined
from equime_hub.evaluation.log.columns import of as of
from equime_hub.evaluation.log.columns import read as read
from equime_hub.evaluation.log.columns import write as write
from equime_hub.evaluation.log.csv_files import CsvMapping as CsvMapping
from equime_hub.evaluation.log.csv_files import from_csv as from_csv
from equime_hub.evaluation.log.csv_files import to_csv as to_csv
from equime_hub.evaluation.log.megc import Order as Order
from equime_hub.evaluation.log.megc import from_megc as from_megc
from equime_hub.evaluation.log.megc import to_megc as to_megc
from equime_hub.evaluation.log.record import PredictionLog as PredictionLog
