"""Tests of accounts: one file per behaviour."""
