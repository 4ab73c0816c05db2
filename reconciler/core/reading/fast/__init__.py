"""A faster reader for plain files. It accepts only what the full reader accepts, and gives the same values.

It never reports an error: what it cannot read is left to the full reader.
"""
