"""The broker's back end, whoever is connected: orders, matching, accounts."""
