"""What tests stand on: databases, actors, clock, processes, browser. Fixtures, loaded by conftest.py."""
