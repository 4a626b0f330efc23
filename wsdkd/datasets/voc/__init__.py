"""Pascal VOC: XML beside pictures, or lists of a class."""
