"""The kinds of documents with the declarations on their fields, options and policies.

Nothing here compares, reads or writes.
"""
