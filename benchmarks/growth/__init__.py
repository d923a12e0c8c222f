"""How time and memory grow with size: the works, their measurement, and the fitted slopes."""
