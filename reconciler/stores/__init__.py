"""Stores of tenants' state, behind one protocol.

A store reads, compares fingerprints and writes what it is given; it never decides what should change.
"""
