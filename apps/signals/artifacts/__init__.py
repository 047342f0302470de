"""Run folders on disk (signals-artifacts.md sections 1 to 5 and 7): layout, control files, scans, the gate.

Pure: knows files, no database. Everything that stands in a file is hostile.
"""
