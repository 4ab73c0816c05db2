"""Plain values: keys, amounts, currencies, URLs, entities and diagnostics.

Nothing here is a business rule.
"""
