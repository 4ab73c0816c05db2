"""A plan as text, Markdown, HTML and JSON.

Nothing here leaves out a change or a reason.
"""
