"""The commands: parse options, call `reconciler.app`, print the renderer's output, choose the exit status.

No other package prints. Commands never decide what should change.
"""
