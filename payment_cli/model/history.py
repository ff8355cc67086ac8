"""The short history a record carries: what happened to it lately, when, and by whom.

It is for the reader of the file; the storage's log keeps everything.
"""

from payment_cli.model.record import Json

_NOTE_MAX = 200


def with_line(
    history: tuple[Json, ...], what: str, now: int, by: str, note: str = "", *, most: int
) -> tuple[Json, ...]:
    """Return `history` with one more line, `{at, what, by, note}`, and only its last `most`.

    `at` is AMS, `by` the domain that acted. A note is cut at 200 characters; "" is left out.
    """
    line: dict[str, Json] = {"at": now, "what": str(what), "by": by}
    if note:
        line["note"] = note[:_NOTE_MAX]
    return (*history, line)[-most:]
