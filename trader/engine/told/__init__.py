"""What the daemon tells of itself: the board, reports, streams that are handed on."""
