"""The build: `dbt build` for some runs, held apart from every other build, and what it leaves behind."""
