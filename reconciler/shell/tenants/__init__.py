"""What is done to one tenant at a time: actions, imports, releases.

Nothing here is written but in one transaction.
"""
