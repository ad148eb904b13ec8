"""The way of an order: the one gateway, changes, brackets, and what watches over them."""
