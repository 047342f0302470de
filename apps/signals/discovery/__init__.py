"""From folders under RUNS_ROOT to rows: graphs, runs, and what the gate says of each."""
