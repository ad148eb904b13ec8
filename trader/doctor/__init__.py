"""What breaks a set-up, looked for before it does: machine, state and gateway, one finding each.

Whoever looks and whoever judges are apart: ``machine``, ``state`` and ``gateway`` are pure and say
what a fact means; ``looks``, ``greeting`` and ``line`` gather facts, and ``round`` gives each its
deadline and tells what came of it. Nothing here sends an order, changes a setting or takes a lock.
"""
