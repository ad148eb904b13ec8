"""What the operator sees and touches: HTTP, the page, metrics, logs, halt file, pager, clock.

The kill path (``halt_record``, ``control_client``, ``control_token``, ``kill``) is made of the
standard library alone and imports nothing slow: it has to work when everything else is broken.
"""
