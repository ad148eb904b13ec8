"""The program behind the socket: sessions without I/O, and what they share."""
