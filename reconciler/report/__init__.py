"""Pure renderers: a value in, text out. Text for terminals, JSON, Markdown, HTML; problems, history, status, tables.

Never here: printing, files, the clock, or a decision about what should change. A renderer says what the plan says.
"""
