"""The song folder: event log, content-addressed audio, codecs."""
