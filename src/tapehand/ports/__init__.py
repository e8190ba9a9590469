"""The doors of the house: what an engine, a song store or an exporter must be. A port exists where two can fit."""
