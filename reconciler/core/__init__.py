"""The verbs: read, validate, resolve, diff, judge, order, plan. Pure functions from values to values.

Never here: input or output, the clock, chance, or a rule in an ``if`` that belongs in a declaration.
"""
