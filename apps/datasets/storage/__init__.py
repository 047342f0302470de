"""Event storage: stage tables and COPY, slabs, segment statistics, Parquet parts, dropping.

Knows the physical layout of places.md section 2 and nothing of imports as jobs.
"""
