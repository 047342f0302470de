"""What the pages of a project's code show: places and their addresses, lines in colour, diffs.

places.open_place(...)   a project at a ref, and where its links lead
sources.show_source(...) a file's lines as safe HTML with anchors
diffs.show_diff(...)     a comparison as lines with both their numbers
"""
