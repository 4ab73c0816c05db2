"""The commands: parse options, call `reconciler.app`, print what a renderer made, choose the exit status.

Nothing else prints. Never here: a decision about what should change.
"""
