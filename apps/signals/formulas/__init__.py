"""The figures of a run by the formulas of the format page, vectorised: for writing and for checking. Pure.

Arrays are float64 with NaN for null. Axis 0 is the peers of one facet, axis 1 (if there is one) the periods.
"""
