"""What can be traded: contracts, their rules, their calendars."""
