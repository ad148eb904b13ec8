"""The truth as the broker knows it, and its comparison with what a client believes."""
