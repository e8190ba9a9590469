"""The use cases. Everything the command line, the page and agents do goes through here."""
