"""Waveform, spectrum, spectrogram, piano roll as SVG or PNG."""
