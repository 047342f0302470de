"""Two engines that others wrote, each in a process of its own; they say positions, and write nothing.

They see a folder with nothing in it but the Python files of the sources, as UTF-8.
"""
