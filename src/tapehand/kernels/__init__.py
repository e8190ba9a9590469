"""The ctypes face of the native library."""
