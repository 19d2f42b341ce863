"""What a user would pick instead, each as its own documentation shows it, tuned. Run by an environment of their own."""
