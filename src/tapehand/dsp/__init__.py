"""Signal processors on Audio: EQ, dynamics, limiter, saturation, reverb, delay, pan."""
