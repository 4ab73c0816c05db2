"""Renders the pages of `docs/` that are generated from the code: the rules, and the reference of kinds and fields.

Nothing here reads or writes a file, and nothing repeats what a declaration says.
"""
