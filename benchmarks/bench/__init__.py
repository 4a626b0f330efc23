"""Every stage's speed against its limit, as ratios measured in one run; see docs/performance.md."""
