"""Pure renderers from values to text, JSON, Markdown and HTML: plans, problems, history, status, tables.

Renderers never print, read files or the clock, or decide what should change; they show what the plan contains.
"""
