"""The TWS protocol as text: frames, requests read, messages written; no decision."""
