"""The networks of the other tools' own tests: the real figure, the one that those tests expect, and ours are one.

`python -m tests.sweep --cases peers` prints real figures and ours as a table.
"""

from __future__ import annotations

import pytest

from tests.sweep.__main__ import swept

NETWORKS = {
    "fvcore": 46,
    "ptflops": 12,
    "ptflops-aten": 6,
    "thop-0.1": 25,
    "ultralytics-thop-2.0.16": 14,
    "ultralytics-thop-2.1.2": 14,
    "ultralytics-thop-2.1.3": 14,
    "ultralytics-thop-2.2": 44,
}
"""By counter: the number of networks that its tests have."""

DIFFERENT = {
    "fvcore": {
        # Python alone reads the first layer's value, so it is not in the graph that fvcore counts; ours is what ran
        "fvcore: a layer that a value decides on": (10 * 10, 10 * 10, 10 * 10 + 10),
        "fvcore: a layer that a value decides against": (0, 0, 10),
    },
    "ultralytics-thop-2.2": {
        # thop counts what is inside a module that has a rule beside the rule; in a file of rules it is for the whole
        f"thop: a rule that adds a {what}": (2 * 224 * 224 * 64 * 27, 2 * 224 * 224 * 64 * 27, 224 * 224 * 64 * 27)
        for what in ("tensor", "number")
    },
}
"""By counter: the networks where ours is another figure, with what the tests expect, the real figure and ours."""


@pytest.mark.parametrize("counter", NETWORKS)
def test_a_network_of_the_tools_own_tests_has_the_figure_that_they_expect(counter: str) -> None:
    rows = swept(counter, "peers")
    assert len(rows) == NETWORKS[counter]
    figures = {row["case"]: (row["expected"], row["real"], row["ours"]) for row in rows}
    assert {case: each for case, each in figures.items() if len(set(each)) > 1} == DIFFERENT.get(counter, {})
    for row in rows:
        if row["parameters"] is not None:
            assert row["parameters"] == row["real parameters"] == row["our parameters"], row["case"]
        assert row["modules"] == row.get("real modules") == row.get("our modules"), row["case"]
