"""From the figures of an entity to its signal type and severity, and why (version 1 of the rules). Pure.

The tables (`RULES`, `SEVERITY_PARTS`, `MAGNITUDE_TIERS`, `METRIC_CATALOG`, `DOMAIN_TERMS`) are the same data
as the dbt seeds; SQL classifies, this package explains.
"""
