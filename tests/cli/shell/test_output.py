"""What a terminal sees, and what everybody else does not."""

import io
import re
import sys
from collections.abc import Callable

import pytest
from qrcode.constants import ERROR_CORRECT_L
from qrcode.main import QRCode

from payment_cli.cli.shell.output import draw_qr_code, end_state, progress, show_state, tell
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_records

ID = "019a3f6b2c4d7e8f9a0b1c2d3e4f5a6b"
RECORDS = [
    {"id": ID, "buyer_id": "b" * 40, "fee": 2300, "brief": "a long brief of many words " * 4},
    {"id": ID[::-1], "buyer_id": "c", "fee": 5, "brief": "\x1b[2Jevil\n[red]"},
]


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def on_terminal(monkeypatch):
    """Run something where both streams are a terminal of 80 columns; return what it shows."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(show: Callable[[], None]) -> str:
        screen = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", screen)
            patch.setattr(sys, "stderr", screen)
            show()
        return screen.getvalue()

    return run


@pytest.mark.parametrize("border", [True, False])
def test_a_table_on_a_terminal_folds_cells_but_keeps_ids_whole(on_terminal, border):
    table = Printing(columns="id,buyer_id,fee,brief", header=True, border=border)
    shown = on_terminal(lambda: print_records(RECORDS, table))
    for text in (ID, ID[::-1], "b" * 40, "2300", "buyer_id"):
        assert text in shown
    letters = "".join(line[-20:] for line in shown.splitlines())
    assert sum(letters.count(char) for char in "w") >= 4


def test_a_table_on_a_terminal_shows_no_control_character_and_no_markup(on_terminal):
    shown = on_terminal(lambda: print_records(RECORDS[1:], Printing(columns="brief")))
    assert r"\x1b[2Jevil\n[red]" in shown


@pytest.mark.parametrize(
    "form", [Printing(values=True, keys="brief"), Printing(template="@{brief}")]
)
def test_values_on_a_terminal_show_no_control_character(on_terminal, form):
    assert "\x1b" not in on_terminal(lambda: print_records(RECORDS[1:], form))


@pytest.mark.parametrize("text", ["weixin://wxpay/bizpayurl?pr=abc123", "https://qr.alipay.com/x"])
def test_a_qr_code_is_drawn_dark_on_light_with_half_blocks(on_terminal, text):
    shown = on_terminal(lambda: draw_qr_code(text))
    assert "▀" in shown
    assert "█" in shown
    # Black on white, in 256 colours or in 16: rich remembers which it used first.
    assert re.search(r"\x1b\[(38;5;16;48;5;231|30;107)m", shown)


def test_a_qr_code_that_does_not_fit_is_said_in_words(on_terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    assert on_terminal(lambda: draw_qr_code("weixin://pay")) == "QR code: weixin://pay\n"


def test_without_colour_the_modules_drawn_are_the_light_ones_of_the_very_code(
    on_terminal, monkeypatch
):
    monkeypatch.setenv("NO_COLOR", "1")
    text = "weixin://wxpay/bizpayurl?pr=abc123"
    rows: list[list[bool]] = []
    for line in on_terminal(lambda: draw_qr_code(text)).splitlines():
        rows.append([char in " ▄" for char in line])
        rows.append([char in " ▀" for char in line])
    code = QRCode(border=2, error_correction=ERROR_CORRECT_L)
    code.add_data(text)
    matrix = code.get_matrix()
    assert rows[: len(matrix)] == [[bool(cell) for cell in row] for row in matrix]


def test_nothing_is_drawn_and_no_state_shown_when_nobody_looks(capsys):
    draw_qr_code("x")
    show_state("WAIT")
    end_state()
    with progress("work") as tell_progress:
        tell_progress(3, 3)
    assert capsys.readouterr() == ("", "")


def test_a_state_replaces_the_one_before_and_stays_at_the_end(on_terminal):
    def show() -> None:
        show_state("WAIT 0:05")
        show_state("OK \x1b[2J")
        end_state()

    assert on_terminal(show) == "\r\x1b[KWAIT 0:05\r\x1b[KOK \\x1b[2J\n"


def test_progress_is_shown_on_a_terminal(on_terminal):
    def work() -> None:
        with progress("long work") as tell_progress:
            tell_progress(1, 2)
            tell_progress(2, 2)

    shown = on_terminal(work)
    assert "long work" in shown
    assert "2/2" in shown


def test_a_message_is_one_line_without_control_characters(capsys):
    tell("a\x1b[2J\nb")
    assert capsys.readouterr() == ("", "a\\x1b[2J\\nb\n")
