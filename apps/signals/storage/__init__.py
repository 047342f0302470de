"""The tables without models: raw rows that a load copies in, marts that dbt makes of them."""
