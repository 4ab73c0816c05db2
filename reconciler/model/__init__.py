"""The nouns: documents, declarations, entities, differences, plans. All of them frozen.

Never here: input or output, the clock, or a decision that depends on a tenant.
"""
