"""The student in use: promotion, prediction, export."""
