"""The players. Each has ``play(section, plan, member)`` and gives notes on the grid; ``feel`` makes them played."""
