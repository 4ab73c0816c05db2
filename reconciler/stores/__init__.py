"""Where tenants' state is kept: one file a store, all behind one protocol.

Never here: a decision about what should change. A store reads, compares fingerprints, and writes what it is given.
"""
