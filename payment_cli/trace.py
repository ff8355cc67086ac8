"""Where an error came from, without what it was about: the way a traceback is shown or logged.

What others raise is named by its class alone. A parser's exception holds the document that it was
reading, a library's the address that it called: keys and customers are in them. Our own errors
say no secrets (errors.py), so their sentences are kept. No line of source, no value is shown.
"""

from payment_cli.errors import PaymentError

#: So many errors of one chain are told, and so many of the innermost frames of each.
_ERRORS_MAX = 8
_FRAMES_MAX = 40


def trace(error: BaseException) -> str:
    """Return the frames of an error and of those that led to it, the first one first."""
    lines = ["Traceback (most recent call last):"]
    for number, each in enumerate(reversed(_chain(error))):
        if number:
            lines.append("which led to:")
        lines += _frames(each)
        lines.append(_named(each))
    return "".join(f"{_in_one_line(line)}\n" for line in lines)


def _chain(error: BaseException) -> list[BaseException]:
    """Return the error, its cause, the cause of that, and so on, as Python tells them."""
    chain: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and step not in chain and len(chain) < _ERRORS_MAX:
        chain.append(step)
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)
    return chain


def _frames(error: BaseException) -> list[str]:
    frames = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        frames.append(f'  File "{code.co_filename}", line {step.tb_lineno}, in {code.co_name}')
        step = step.tb_next
    return frames[-_FRAMES_MAX:]


def _named(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    return f"{name}: {error}" if isinstance(error, PaymentError) else name


def _in_one_line(text: str) -> str:
    """Return the text with nothing in it that could move a cursor or forge a line of a log."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
