"""What distillation gives and what each of its parts gives, over seeds; see docs/results.md."""
