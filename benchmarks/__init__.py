"""What is promised about speed, measured beside its peers; one runnable file per table.

A benchmark is a module with `TITLE` and `run(stage) -> list[Row]`, named in `__main__`; `python3 manage.py
bench NAME` runs it.
Every figure is a ratio against a peer measured in the same run, alternating, at least three rounds.
"""
