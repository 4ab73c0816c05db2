"""What is said and offered about commands: examples, what users of other tools type, completion in the shell.

Nothing here runs a command or decides what one does. Imported only when it is asked for.
"""
