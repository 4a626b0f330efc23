"""Multi-label image classification by knowledge distillation from weakly-supervised detection."""
