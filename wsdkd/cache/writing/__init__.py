"""How a teacher's cache is made; no student's stage imports any of it."""
