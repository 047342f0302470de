"""Exports: cells or events of versions as files, made while they are sent."""
