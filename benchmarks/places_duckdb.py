"""DuckDB in a process of its own, because it is no dependency: run by an interpreter that has it.

Each line of the input is a statement as a JSON string, or null for the version. Each answer is a line with
the seconds until all rows were there as columns, wall and CPU. One thread for imports, as ours; the caller
sets others.
"""

import importlib
import json
import sys
import time
from typing import Any


def main() -> None:
    """Answer statements until the input ends."""
    duckdb: Any = importlib.import_module("duckdb")
    database = duckdb.connect(sys.argv[1])
    for line in sys.stdin:
        statement = json.loads(line)
        if statement is None:
            answer: dict[str, Any] = {"version": duckdb.__version__}
        else:
            began_s, cpu_s = time.perf_counter(), time.process_time()
            found = database.execute(statement)
            if found is not None and found.description:
                found.fetchnumpy()
            answer = {"wall_s": time.perf_counter() - began_s, "cpu_s": time.process_time() - cpu_s}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
