"""What a meter reads: loudness, true peak, stereo, spectrum."""
