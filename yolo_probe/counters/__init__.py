"""An operator record -> what a counter charges for it: one table for each tool, and the user's own rules.

From the ground up; a module imports only from lines above its own::

    rules                 what an operator costs: a function for each rule
    recurrent             what RNN, GRU and LSTM cost, for each tool
    rules_file            a file of the user's own rules
    thop_tables           the generations of thop, and torch's counter
    tool_tables           the other tools, and the exact count
    torchinfo_parameters  the total that torchinfo prints
    faults                charges that a tool makes by mistake
    conventions           the counters by name
    charges               what a counter charges for one pass, and its sums
    known_differences     where a real tool gives another figure, and why
    formulas              the arithmetic behind a charge, as text
    comparison            one network by every counter
"""
