"""The work of the forecast jobs: read a panel from a version, train, judge, predict, keep artifacts."""
