"""Signed lists of the files of a commit, and anchors that survive edits (projects.md section 5).

facts, languages, scanners         what bytes and names say; with the tables a part of GENERATOR
attributes, git_patterns           the root's .gitattributes, and known names
document, signing, storing         the exact bytes, their signature, where they lie
listing, blobs, kept, beside       the entries of a tree, from facts that are kept or learnt now
building, publishing, file_rows    from a commit's tree to the rows that readers see
verifying, pruning                 whether a stored manifest is whole; old ones leave
anchors, reanchoring               where lines went
globs                              `*` and `**` over paths
"""
