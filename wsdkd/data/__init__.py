"""A dataset as all rooms after it see it: images, boxes, tables; annotations.py alone knows boxes."""
