"""From the teacher's cache to the student: features of regions, then predictions of images."""
