"""The desks of one session: each answers the requests of one topic."""
