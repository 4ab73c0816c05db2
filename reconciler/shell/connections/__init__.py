"""The stores of a workspace: opened once, closed together, credentials from the environment only.

No credential comes from a document.
"""
