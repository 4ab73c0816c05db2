"""Plain values: keys, amounts, currencies, URLs, entities and diagnostics.

No rule of the business stands here.
"""
