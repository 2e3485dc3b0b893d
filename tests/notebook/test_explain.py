"""`%guard explain` in a notebook, and the one line that offers it."""

from tests.notebook.book import said

FULL = """%%checkpointed full --every 1it
for i in range(3):
    if i: raise OSError(28, 'No space left on device')
"""
ERROR = "OSError: [Errno 28] No space left on device"


def test_under_a_failing_guarded_cell_one_line_offers_it_and_it_explains_that_error(new_book):
    book = new_book()
    result = book.run(
        "%%checkpointed full --every 1it\nfor i in range(3):\n    if i: raise OSError(28, 'No space left on device')"
    )
    assert result.error
    offered = [line for line in said(result) if "%guard explain" in line]
    assert offered == [
        "OSError: [Errno 28] No space left on device: %guard explain says what is behind it, and what helps."
    ]
    told = book.run("%guard explain").check().text
    assert told.startswith(ERROR)
    assert book.run("%guard explain No space left, it's full").check().text == told


def test_an_error_that_says_it_all_is_left_alone(new_book):
    result = new_book().run("%%checkpointed plain --every 1it\nfor i in range(3): 1 / (i - 1)")
    assert result.error
    assert not [line for line in said(result) if "explain" in line]
