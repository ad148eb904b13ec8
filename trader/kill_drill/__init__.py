"""The drill of the kill switch: played against the own simulator, checked, and written down."""
