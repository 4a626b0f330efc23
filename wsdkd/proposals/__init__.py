"""Class-agnostic boxes that may hold an object, with objectness scores."""
