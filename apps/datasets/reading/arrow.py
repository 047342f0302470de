"""Arrow's kernels without their stubs, which don't know that scalars and arrays mix."""

from typing import Any, Final

import pyarrow.compute
from pyarrow import csv

compute: Final[Any] = pyarrow.compute
arrow_csv: Final[Any] = csv
