"""Reports as people read them: each renderer is a function from a report to a string."""
