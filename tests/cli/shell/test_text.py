import json

import pytest

from payment_cli.cli.shell.text import ascii_json, printable, printable_json

#: What people are fooled with: invisible letters, other directions, other lines.
INVISIBLE = [
    0x80, 0x9B, 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180E, 0x180F,
    *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0x2800, 0x3164,
    0xD800, 0xDFFF, 0xFE00, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF9, 0xFFFB, 0x1BCA0, 0x1D173, 0xE0000,
    0xE0001, 0xE0041, 0xE007F, 0xE0100, 0xE01EF,
]  # fmt: skip


@pytest.mark.parametrize("code", INVISIBLE)
def test_what_can_not_be_seen_is_shown_by_its_number(code):
    assert printable(f"xiao{chr(code)}bai") == f"xiao<U+{code:04X}>bai"


@pytest.mark.parametrize("code", [code for code in INVISIBLE if not 0xD800 <= code <= 0xDFFF])
def test_json_means_the_same_and_shows_it_too(code):
    text = json.dumps({"nm": f"xiao{chr(code)}bai"}, ensure_ascii=False)
    shown = printable_json(text)
    assert chr(code) not in shown
    assert json.loads(shown) == json.loads(ascii_json(text)) == json.loads(text)


def test_control_characters_are_escapes():
    assert printable("a\x1b[2J\n\t\0\x7f") == r"a\x1b[2J\n\t\x00\x7f"


@pytest.mark.parametrize(
    "text",
    [
        "小白 ¥12.00",
        "é e\u0301",
        "❤\ufe0f 1\ufe0f\u20e3",
        "👍🏽",
        "ไทย",
        "עברית",
        "a\u3000b\u00a0c",
    ],
)
def test_what_people_write_stays_as_it_is(text):
    assert printable(text) == text
    assert printable_json(text) == text
