"""What somebody would pick instead: other software on the same photographs, for as long as ours trains."""
