"""The nouns: documents, declarations, entities, differences, plans. All of them are frozen.

Nothing here does input or output, reads the clock, or decides anything that depends on a tenant.
"""
