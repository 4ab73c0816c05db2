"""Who does many tasks: this thread, others, other processes, or a cluster.

No pool knows what a task is about.
"""
