"""Opens the stores of a workspace, each once, and closes them together.

Credentials come from the environment only, never from a document.
"""
