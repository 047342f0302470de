"""Signals: analytics runs in, quality signals that a team triages out."""
