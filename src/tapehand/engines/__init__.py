"""The built-in engines, siblings of anybody's."""
