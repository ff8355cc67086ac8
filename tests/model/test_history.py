from payment_cli.model.history import with_line


def test_a_line_says_when_what_and_by_whom_and_a_note_only_where_there_is_one() -> None:
    history = with_line((), "create", 5, "tea", most=3)
    assert history == ({"at": 5, "what": "create", "by": "tea"},)
    history = with_line(history, "paid", 6, "tea", "x" * 201, most=3)
    assert history[1:] == ({"at": 6, "what": "paid", "by": "tea", "note": "x" * 200},)


def test_only_the_newest_lines_are_kept() -> None:
    history = ()
    for now in range(5):
        history = with_line(history, "check", now, "tea", most=3)
    assert [line["at"] for line in history] == [2, 3, 4]
