"""One room for each lesson: the views, the exercise checks and the helpers that it alone uses."""
