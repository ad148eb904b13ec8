"""The only package that knows ib_async, and of it only the wire: encoding, decoding, handshake.

ib_async's ``IB``, ``Wrapper`` and ``Trade`` do not exist in our process: their order status is a
guess (INC-001), their request futures strand callers (INC-021) and their state grows. What the
broker says goes through our own tap, once, and leaves this package as values of ``trader.core``.
"""
