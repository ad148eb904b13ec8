"""Orchestration over ports: asyncio, and no adapter in sight."""
