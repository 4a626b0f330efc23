"""The teacher, T-WDet: a weakly-supervised detector, how it learns, and its pass over a dataset."""
