"""The raw load (signals-artifacts.md section 8): files of a run into stand-alone tables, then into partitions.

`copying` and what it imports run in processes of their own, without Django; `job` is the work on rows.
"""
