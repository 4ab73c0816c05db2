"""Operations on one tenant: actions, imports, releases.

Each writes in one transaction only.
"""
