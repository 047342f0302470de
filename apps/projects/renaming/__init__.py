"""Renames: from a tree of sources and a wish to edits with their degree of certainty; pure, no tables.

values       what goes in and comes out
analysing    analyse(...): reads the sources, asks our view and both engines, sorts what they say into buckets
checking     check_selection(...): what of the selection would break code
writing      apply_edits(...): byte edits of one file
patching     the patch of the selection, as `git diff --binary --full-index` writes it

selecting, texts, exporting    which files are read, as which text; the folder for the engines
semantic, buckets, findings    the way of Python: question, witnesses, buckets, edits
syntactic                      the way of other languages: equal identifiers
surveying, scopes              our own view of the code, in a process of its own
engines                        rope and jedi, each in a process of its own: positions and nothing else
wire                           what goes to these processes and comes back
"""
