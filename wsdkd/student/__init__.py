"""The student, S-Cls: a plain classifier, how it learns from labels, and its pass over pictures."""
