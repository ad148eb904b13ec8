"""Circuit breakers as values: what is watched, when it trips, what follows, what resets it.

Pure: the same readings in the same order give the same verdicts, so every verdict can be checked
again from its record (BRK-09).
"""
