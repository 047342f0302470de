"""Reading code without running it.

Parsers of foreign code run in a process of their own (`isolated`), without Django and the network.
Modules that run there import nothing of the project but what lies below `analysis` and `renaming.engines`.
"""
