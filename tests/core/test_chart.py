"""A chart is well-formed, holds each line inside of it, and says what it is told to say."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from colab_guard.core.chart import COLOURS, HEIGHT, WIDTH, Line, svg

SVG = "{http://www.w3.org/2000/svg}"
TIMES = st.floats(0, 10**10)
POINTS = st.lists(st.tuples(TIMES, st.floats(0, 2)), min_size=1).map(sorted)
LINES = st.lists(st.builds(Line, st.sampled_from(["RAM 9%", "<&>"]), POINTS), min_size=1, max_size=len(COLOURS))


@given(LINES, st.lists(st.tuples(TIMES, TIMES).map(sorted)), st.lists(st.tuples(TIMES, st.just("a <b>"))))
def test_whatever_was_measured_is_drawn_inside(lines, spans, marks):
    drawn = ElementTree.fromstring(svg("GPU 0 <A & B>", lines, ("10 min ago", "now"), spans, marks))
    found = drawn.findall(f"{SVG}polyline")
    assert len(found) == len(lines)
    for line, one in zip(found, lines, strict=True):
        places = [tuple(map(float, place.split(","))) for place in line.get("points").split()]
        assert len(places) == len(one.points)
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    grey = [(float(one.get("x")), float(one.get("width"))) for one in drawn.findall(f"{SVG}rect")[1:]]
    assert len(grey) == len(spans)
    assert all(min(x, width) >= 0 and x + width <= WIDTH for x, width in grey)
    words = ["".join(text.itertext()) for text in drawn.iter(f"{SVG}text")]
    title = " ".join(["GPU 0 <A & B>", *(one.name for one in lines)])
    assert words == [*["a <b>"] * len(marks), title, "10 min ago", "now"]
