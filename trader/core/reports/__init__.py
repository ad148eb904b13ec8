"""What each periodic report says, and when one is missing or stale: values in, values out."""
