"""The steps of an import: fetch, inspect, read, index, check, publish (places.md section 8).

`steps.carry_out` runs them in order. Each step looks at the checkpoint first, so that an import that was
killed anywhere goes on where its last transaction left it.
"""
