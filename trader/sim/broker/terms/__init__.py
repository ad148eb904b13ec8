"""What an order says: its kind, its hours, its conditions, and what holds it back."""
