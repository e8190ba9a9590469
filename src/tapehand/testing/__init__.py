"""For tests, ours and other people's: the session generator and the engine conformance kit."""
