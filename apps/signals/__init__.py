"""Signals: analytics runs, transformed by dbt, hydrated into what a team triages."""
