"""The raw load (section 8 of the format page): files of a run into stand-alone tables, then into partitions.

`copying` and what it imports run in processes of their own, without Django; `job` is the work on rows.
"""
