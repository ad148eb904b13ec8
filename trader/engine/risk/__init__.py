"""What holds new risk back: breakers and their readings, equity, exposure."""
