"""Renders a plan as text, Markdown, HTML and JSON.

Renderers never omit a change or a reason without counting it.
"""
