"""The ways in for points: our own API and foreign protocols, one package each, all of one shape."""
