"""Forecasts of counts by cell and period: pure, without database, clock or files (places-maps.md section 5).

`calendar` cuts time, `panel` holds counts, `baselines` and `boosting` forecast, `rolling` judges them,
`artifact` keeps what was learned as numbers, `outlook` looks ahead from it.
"""
