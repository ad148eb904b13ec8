"""Book and broker held together: what comes in, what is compared, what is settled."""
