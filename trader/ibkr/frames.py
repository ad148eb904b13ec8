"""Cut the byte stream into frames, in time linear in its length.

A frame is a 4-byte big-endian length and that many bytes: text fields, each closed by NUL. A
length outside the protocol's range means that the stream is out of step: what follows cannot be
trusted and the connection must be aborted (INC-114, INC-118). No I/O happens here.
"""

FRAME_BYTES_MAX = 0xFFFFFF
_PREFIX = 4


class FrameReader:
    """Take bytes however they were split; give whole frames, and say when the stream broke."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.violation: str | None = None

    def feed(self, data: bytes) -> list[list[str]]:
        """Return the frames that ``data`` completes, those before a violation included.

        After a violation nothing more is read; the caller aborts the connection.
        """
        frames: list[list[str]] = []
        if self.violation is not None:
            return frames
        buffer = self._buffer
        buffer += data
        start, arrived = 0, len(buffer)
        while arrived - start >= _PREFIX:
            size = int.from_bytes(buffer[start : start + _PREFIX], "big")
            if not 0 < size <= FRAME_BYTES_MAX:
                self.violation = f"frame of {size} bytes, allowed is 1 to {FRAME_BYTES_MAX}"
                break
            end = start + _PREFIX + size
            if end > arrived:
                break
            fields = buffer[start + _PREFIX : end].decode(errors="backslashreplace").split("\0")
            if not fields[-1]:
                fields.pop()
            frames.append(fields)
            start = end
        del buffer[:start]
        return frames
