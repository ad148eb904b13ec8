"""Orders as the gateway sees them: whose they are, what it checks, and the news about them."""
