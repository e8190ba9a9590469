"""Speed against named peers, as ratios of CPU time measured in one interleaved run."""
