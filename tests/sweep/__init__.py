"""`python -m tests.sweep`: modules and functions of torch beside every real counter: equal, named, or different."""
