"""Backbones, RoI features, the teacher (WSDDN) and the student."""
