"""Renders a plan as one HTML page: a single file that loads nothing, with its style and script inside.

Nothing of a plan becomes markup: texts are escaped by `markup.tag`, and only this package makes `Html`.
"""

from reconciler.report.plans.page.document import render_html

__all__ = ["render_html"]
