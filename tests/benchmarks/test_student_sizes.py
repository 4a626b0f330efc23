"""What students compute, against figures that are known."""

import torch

from benchmarks.student_sizes import USUAL, size, speeds


def test_vgg16_computes_what_is_written_of_it() -> None:
    parameters, multiply_adds = size("vgg16", 224)
    # 15.35 G in its convolutions and 0.12 G in fc6 to fc8, of which fc6 and fc7 may be gone here.
    assert 15.3e9 < multiply_adds < 16.0e9
    assert parameters > 14.7e6


def test_twice_the_side_is_four_times_the_work() -> None:
    small, large = (size("resnet18", side)[1] for side in (64, 128))
    assert 3.9 < large / small < 4.1


def test_who_computes_less_is_timed_as_faster() -> None:
    threads = torch.get_num_threads()
    found = speeds(("mobilenetv3_small_100", USUAL, "resnet50"), side=64, rounds=3)
    torch.set_num_threads(threads)
    assert found[USUAL][1] == 1
    assert found["mobilenetv3_small_100"][1] > 1 > found["resnet50"][1]
