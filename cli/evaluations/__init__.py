"""What each task of `kbtools eval` is told, and what it opens: one file a task, of the task's name.

`OPTIONS` are those beside `Settings`, --data and the common ones; `opened` gets all that was given and
returns what has `run` and `lineage`, as `kbtools.report.make` takes them.
"""
