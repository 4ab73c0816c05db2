"""Renders a plan as a comment on a pull request, of a bounded size.

What comes from documents stands in code spans unless it means nothing to GitHub (`escaping`). Of what is too much for a
comment the first part is shown and the rest counted; nothing is cut inside a block.
"""

from reconciler.report.plans.markdown.comment import LARGEST, MARKER, render_markdown

__all__ = ["LARGEST", "MARKER", "render_markdown"]
