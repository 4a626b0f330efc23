"""Means over seeds against scipy's and textbook numbers."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.ablation.statistics import paired_p, summarise


def test_a_summary_is_students_interval_of_the_mean() -> None:
    values = [5.1, 4.7, 6.0, 5.5, 5.2]
    summary = summarise(values)
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert summary.mean == pytest.approx(5.3)
    assert summary.deviation == pytest.approx(np.std(values, ddof=1))
    assert summary.interval == pytest.approx((low, high))


def test_one_seed_has_neither_deviation_nor_interval() -> None:
    summary = summarise([5.0])
    assert summary.mean == 5.0
    assert math.isnan(summary.deviation)
    assert all(math.isnan(end) for end in summary.interval)


def test_the_paired_test_looks_at_differences_of_seeds() -> None:
    baseline, variant = [10.0, 20.0, 30.0], [11.0, 21.5, 31.2]
    assert paired_p(variant, baseline) == pytest.approx(stats.ttest_rel(variant, baseline).pvalue)
    # Seeds that differ a lot among themselves do not hide a gain that each of them shows.
    assert paired_p(variant, baseline) < 0.05 < stats.ttest_ind(variant, baseline).pvalue


def test_no_test_without_a_spread() -> None:
    assert math.isnan(paired_p([1.0], [0.0]))
    assert math.isnan(paired_p([1.0, 2.0], [0.0, 1.0]))
