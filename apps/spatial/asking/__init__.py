"""Questions in English: read by a fixed grammar into a typed query, answered with what was understood.

`words` cuts a question into tokens; `times`, `names`, `places`, `measures` hold the rules of the grammar,
each a function from a place in the tokens to a match; `parsing` tries them from left to right and accounts
for every word; `answering` asks the map what the typed query says; `translating` lets a language model write
the typed query instead.
"""
