"""Signed lists of the files of a commit, and anchors that survive edits (projects.md section 5).

facts, languages, attributes, scanners   what bytes and names say; pure, all part of the generator's version
document, signing                        the exact bytes and their signature
listing, building, publishing            from a commit's tree to the rows that readers see
verifying, anchors                       whether a stored manifest is whole; where lines went
"""
