"""Loose JSON into matches: walnut's rules, our additions, and one clear line for what is wrong."""

import json
from datetime import timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError
from payment_cli.model.query.evaluate import matches
from payment_cli.model.query.match import (
    And,
    Equal,
    Glob,
    In,
    IsNull,
    Match,
    Not,
    Or,
    Range,
    Regex,
    everything,
)  # fmt: skip
from payment_cli.model.query.text import CONDITIONS_MAX, LENGTH_MAX, parse_match, parse_sort
from payment_cli.model.query.times import TimeReader
from tests.support.fuzzing import read_or_refused

SHANGHAI = timezone(timedelta(hours=8))
#: 2020-12-09T18:33:19.733+08:00
NOW = 1_607_509_999_733
HOUR = 3_600_000


def parsed(text: str) -> Match:
    return parse_match(text, TimeReader(NOW, lambda: SHANGHAI))


def asked(value: str) -> Match:
    """What a text asks of the field `f`."""
    return parsed(json.dumps({"f": value}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", everything()),
        ("{st:'OK'}", Equal("st", "OK")),
        ('{"st":"OK"}', Equal("st", "OK")),
        ("{st:'OK', fee:5}", And((Equal("st", "OK"), Equal("fee", 5)))),
        ("[{st:'OK'}]", Equal("st", "OK")),
        ("[{st:'OK'},{fee:5}]", Or((Equal("st", "OK"), Equal("fee", 5)))),
        ("[{},{st:'OK'}]", Or((everything(), Equal("st", "OK")))),
        ("{st:'OK',}", Equal("st", "OK")),
        ("{/* it's */ st:'a:b' // x\n}", Equal("st", "a:b")),
        ("{'its':1, \"b\":2}", And((Equal("its", 1), Equal("b", 2)))),
        ("{re_obj.code_url:'x'}", Equal("re_obj.code_url", "x")),
        ("{pay-tp:'x'}", Equal("pay-tp", "x")),
        ("{名:'茶'}", Equal("名", "茶")),
        ("{f:null}", IsNull("f")),
        ("{f:true}", Equal("f", True)),
        ("{f:-5}", Equal("f", -5)),
        ("{f:123456789012345678901234567890}", Equal("f", 123456789012345678901234567890)),
        ("{f:12.10}", Equal("f", Decimal("12.1"))),
        ("{f:1e3}", Equal("f", Decimal("1000.0"))),
        ("{!st:'OK'}", Not(Equal("st", "OK"))),
        ("{'! st':'OK'}", Not(Equal("st", "OK"))),
        ("{'!!st':'OK'}", Equal("st", "OK")),
        ("{!f:null}", Not(IsNull("f"))),
        ("{!f:''}", IsNull("f")),
        ("{!f:'!'}", IsNull("f")),
        ("{!f:'!x'}", Equal("f", "x")),
        ("{!f:'(7)'}", Equal("f", 7)),
        ("{f:['a','b']}", In("f", ("a", "b"))),
        ("{f:['a',null]}", Or((IsNull("f"), In("f", ("a",))))),
        ("{f:['a']}", Equal("f", "a")),
        ("{f:['^a']}", Equal("f", "^a")),
        ("{f:[null]}", IsNull("f")),
        ("{f:[]}", In("f", ())),
        ("{f:['%in','a',1.5]}", In("f", ("a", Decimal("1.5")))),
        ("{f:['$nin','a','b']}", Not(In("f", ("a", "b")))),
        ("{f:['%all','a','b']}", And((Equal("f", "a"), Equal("f", "b")))),
        ("{f:['%or','[1,2]','^x',null]}", Or((Range("f", 1, 2), Regex("f", "^x"), IsNull("f")))),
        ("{!f:['a','b']}", Not(In("f", ("a", "b")))),
        ("{lbls:'red, blue；teal'}", And(tuple(Equal("lbls", c) for c in ("red", "blue", "teal")))),
        ("{lbls:'red'}", Equal("lbls", "red")),
        ("{!lbls:'red'}", Not(Equal("lbls", "red"))),
        ("{lbls:''}", Not(IsNull("lbls"))),
        ("{lbls:['red','blue']}", In("lbls", ("red", "blue"))),
        ("{f:{'%exists':true}}", Not(IsNull("f"))),
        ("{f:{$exists:false}}", IsNull("f")),
        ("{!f:{%exists:true}}", IsNull("f")),
        ("{f:{%eq:'^a'}}", Equal("f", "^a")),
        ("{f:{%ne:null}}", Not(IsNull("f"))),
        ("{f:{%gt:1,%lte:2.5}}", And((Range("f", 1, None, low_open=True),
                                      Range("f", None, Decimal("2.5"))))),
        ("{f:{%gte:'a',%lt:'b'}}", And((Range("f", "a", None),
                                        Range("f", None, "b", high_open=True)))),
        ("{f:{%gt:'now-1h'}}", Range("f", NOW - HOUR, None, low_open=True)),
        ("{f:{%in:['a','b']}}", In("f", ("a", "b"))),
        ("{f:{%nin:['a']}}", Not(In("f", ("a",)))),
        ("{f:{%all:['a']}}", Equal("f", "a")),
        ("{f:{%not:'[1,2]'}}", Not(Range("f", 1, 2))),
        ("{%or:[{a:1},{b:2}]}", Or((Equal("a", 1), Equal("b", 2)))),
        ("{$or:[{a:1},{b:2}]}", Or((Equal("a", 1), Equal("b", 2)))),
        ("{a:1, // it's\n b.c:2}", And((Equal("a", 1), Equal("b.c", 2)))),
        ("{$and:[{a:1},{b:2}]}", And((Equal("a", 1), Equal("b", 2)))),
        ("{'!%or':[{a:1},{b:2}]}", Not(Or((Equal("a", 1), Equal("b", 2))))),
        ("{c:1,%or:[{a:1},{$and:[{b:2}]}]}",
         And((Equal("c", 1), Or((Equal("a", 1), Equal("b", 2)))))),
    ],
)  # fmt: skip
def test_a_document_becomes_a_match(text: str, expected: Match) -> None:
    # repr tells true from 1 and 1 from 1.0, which == does not.
    assert repr(parsed(text)) == repr(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("OK", Equal("f", "OK")),
        ("5", Equal("f", "5")),
        ("", Not(IsNull("f"))),
        ("!", Not(IsNull("f"))),
        ("!abc", Not(Equal("f", "abc"))),
        ("!a*", Not(Equal("f", "a*"))),
        ("!![1,2]", Not(Equal("f", "![1,2]"))),
        ("^a*b", Regex("f", "^a*b")),
        ("!^a", Not(Regex("f", "^a"))),
        ("a*b", Glob("f", ("a", "b"))),
        ("*", Glob("f", ("", ""))),
        ("*a", Glob("f", ("", "a"))),
        ("[1,5)", Range("f", 1, 5, high_open=True)),
        ("( 1 , 5 ]", Range("f", 1, 5, low_open=True)),
        ("[1,2.5]", Range("f", 1, Decimal("2.5"))),
        ("[-1.50,.5]", Range("f", Decimal("-1.50"), Decimal(".5"))),
        ("[12345678901234567890,]", Range("f", 12345678901234567890, None)),
        ("[0.1000000000000000000000001,)",
         Range("f", Decimal("0.1000000000000000000000001"), None, high_open=True)),
        ("[,5]", Range("f", None, 5)),
        ("[7]", Equal("f", 7)),
        ("[7)", Equal("f", 7)),
        ("(7]", Equal("f", 7)),
        ("[ a , b\n]", Range("f", "a", "b")),
        ("(7)", Not(Equal("f", 7))),
        ("[20210513,]", Range("f", 20210513, None)),
        ("[a,b)", Range("f", "a", "b", high_open=True)),
        ("[茶,]", Range("f", "茶", None)),
        ("[promo]", Equal("f", "[promo]")),
        ("(promo)", Equal("f", "(promo)")),
        ("(a,b,c)", Equal("f", "(a,b,c)")),
        ("[1,2,3]", Equal("f", "[1,2,3]")),
        ("[]", Equal("f", "[]")),
        ("[1,2", Equal("f", "[1,2")),
        ("now", Equal("f", "now")),
        ("[now-1h,]", Range("f", NOW - HOUR, None)),
        ("[,%ms:now-1h]", Range("f", None, NOW - HOUR)),
        ("(%date:now-1h,now)", Range("f", NOW - HOUR, NOW, low_open=True, high_open=True)),
        ("[today,today+1d)", Range("f", 1607443200000, 1607529600000, high_open=True)),
        ("[(2021-05-13)-30d, 2021-05-13]", Range("f", 1618243200000, 1620921599999)),
        ("(2021-05-12, 2021-05-13)", Range("f", 1620748800000, 1620835200000, True, True)),
        ("MS[now,20210513]", Range("f", NOW, 1620921599999)),
        ("[,%ms:2021-05-13]", Range("f", None, 1620921599999)),
        ("((2020-12-01)-3d, 2020-12-01]", Range("f", 1606492800000, 1606838399999, low_open=True)),
        ("[2020-11-22 22:51:27, 2020-11-22 22:51:27+1d]", Range("f", 1606056687000, 1606143087000)),
        ("[1607509999733,1613557999733]", Range("f", 1607509999733, 1613557999733)),
        ("Date[2021-05-13,)", Range("f", 1620835200000, None, high_open=True)),
        ("MS(20210513,now)", Range("f", 1620835200000, NOW, low_open=True, high_open=True)),
        ("MS[20210513,now]", Range("f", 1620835200000, NOW)),
        ("date[2021-05-13]", Equal("f", 1620835200000)),
        ("Date[]", Equal("f", "Date[]")),
        ("ms(now)", Not(Equal("f", NOW))),
        ("%ms:now-1h", Equal("f", NOW - HOUR)),
        ("%date: today", Equal("f", 1607443200000)),
        ("100%", Equal("f", "100%")),
        ("%foo", Equal("f", "%foo")),
    ],
)  # fmt: skip
def test_a_text_asks_what_walnuts_rules_say(value: str, expected: Match) -> None:
    assert repr(asked(value)) == repr(expected)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "does not parse"),
        ("x", "does not parse"),
        ("{st:'OK'", "does not parse"),
        ("{st:OK}", "does not parse"),
        ("{st:'OK'} x", "does not parse"),
        ("{f:1e400}", "does not parse"),
        ("{f:" + "9" * 5000 + "}", "does not parse"),
        ("{f:[[[" * 20, "does not parse"),
        ("5", "must hold an object"),
        ("'x'", "must hold an object"),
        ("[1]", "must hold an object"),
        ("[[{}]]", "must hold an object"),
        ("[]", "not empty"),
        ("{%or:[]}", "not empty"),
        ("{%and:{a:1}}", "list of objects"),
        ("{%or:[1]}", "must hold an object"),
        ("{%nor:[{a:1}]}", "'%nor' is not the name of a field"),
        ("{'':1}", "'' is not the name of a field"),
        ("{'a..b':1}", "'a..b' is not the name"),
        ("{'a\\nb':1}", "is not the name"),
        ("{'a.b.c.d.e.f.g.h.i':1}", "is not the name"),
        ("{" + "a" * 101 + ":1}", "is not the name"),
        ("{f:{a:1}}", "f is asked for an object"),
        ("{f:{}}", "f must be asked for something"),
        ("{f:{%foo:1}}", "'%foo'"),
        ("{f:{%exists:1}}", "'%exists'"),
        ("{f:{%in:'a'}}", "must hold a list"),
        ("{f:{%gt:null}}", "must hold a number or a text"),
        ("{f:{%gt:true}}", "must hold a number or a text"),
        ("{f:[[1]]}", "a list can not be"),
        ("{f:['a',{b:1}]}", "an object can not be"),
        ("{f:[{%or:1}]}", "an object can not be"),
        ("{f:NaN}", "NaN is not a number"),
        ("{f:-Infinity}", "Infinity is not a number"),
        ("{f:" + "9" * 100 + "}", "a number can not be"),
        ("{f:'a\\0'}", "NUL"),
        ("{f:['a\\0']}", "NUL"),
        ("{f:'\ud800'}", "not UTF-8"),
        ("{f:'^('}", "RE2"),
        ("{f:'^(?=a)'}", "RE2"),
        (r"{f:'^(a)\\1'}", "RE2"),
        ("{f:'^((a{100}){100}){100}'}", "RE2"),
        ("{f:'^" + "a" * 1000 + "'}", "longer than 1000"),
        ("{f:'[1,red]'}", "a number and a text"),
        ("{f:'[,]'}", "no bound"),
        ("{f:'[2021-02-30,]'}", "there is no time '2021-02-30'"),
        ("{f:'Date[yesterday,]'}", "'yesterday' is not a time"),
        ("{f:'Date[now,now,now]'}", "more than two bounds"),
        ("{f:'Date[,]'}", "no bound"),
        ("{f:'%ms:soon'}", "'%ms:soon' is not a time"),
        ("{f:'x'}" + " " * LENGTH_MAX, "longer than"),
        ("[" + "{a:1}," * (CONDITIONS_MAX + 1) + "]", "more than 500 conditions"),
        ("[" + "{}," * (CONDITIONS_MAX + 1) + "]", "more than 500 conditions"),
        ("{lbls:'" + "a " * (CONDITIONS_MAX + 1) + "'}", "more than 500 conditions"),
        ("{f:['%all'" + ",1" * (CONDITIONS_MAX + 1) + "]}", "more than 500 conditions"),
        ("{f:['%or'" + ",1" * (CONDITIONS_MAX + 1) + "]}", "more than 500 conditions"),
    ],
)
def test_what_does_not_parse_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parsed(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lm:-1", (("lm", -1),)),
        ("{lm:-1}", (("lm", -1),)),
        (" { lm : -1 , 'or_id' : 1 } ", (("lm", -1), ("or_id", 1))),
        ("re_obj.code_url:1", (("re_obj.code_url", 1),)),
        ("", ()),
        ("{}", ()),
    ],
)
def test_a_sort_keeps_the_order_of_its_keys(
    text: str, expected: tuple[tuple[str, int], ...]
) -> None:
    assert parse_sort(text) == expected


@pytest.mark.parametrize(
    "text",
    ["lm", "lm:2", "lm:", ":1", "lm:-1:1:x", "lm:1,lm:-1", "a..b:1", "%a:1", "{lm:-1",
     ",".join(f"k{n}:1" for n in range(9))],
)  # fmt: skip
def test_a_sort_that_is_no_sort_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_sort(text)


_json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.from_regex(r"(!|\^|%ms:|Date|MS)?[\[(]?[^,]{0,12},?.{0,12}[\])]?", fullmatch=True),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.text(max_size=6) | st.sampled_from(("a", "!a", "%or", "$and", "%in", "%not", "lbls")),
        inner,
        max_size=4,
    )
    | inner.map(lambda value: ["%or", value]),
    max_leaves=12,
)  # fmt: skip

_noise = st.text(alphabet="{}[]():,'\"!%$^*\\/. \n-+0159eaNOnow\ud800\U0010ffff中\0", max_size=120)


def test_any_text_is_a_match_or_refused() -> None:
    def decides(_text: str, found: Match) -> None:
        assert matches(found, {"id": "x", "a": ["b", 1, {"b": None}]}) in (True, False)

    texts = st.one_of(
        _json_like.map(json.dumps), _noise, _noise.map(lambda text: f"{{a:'{text}'}}")
    )
    read_or_refused(texts, parsed, decides)


def test_any_text_is_a_sort_or_refused() -> None:
    def sorts(_text: str, found: tuple[tuple[str, int], ...]) -> None:
        assert all(name and direction in (1, -1) for name, direction in found)

    words = st.lists(st.from_regex(r"[a-z]{1,4}(:-?1)?", fullmatch=True), max_size=3).map(",".join)
    read_or_refused(st.text(max_size=60) | words, parse_sort, sorts)


_LONG = LENGTH_MAX - 20


@pytest.mark.parametrize(
    "text",
    [
        "'" * _LONG, "\\'" * (_LONG // 2), '"\\' * (_LONG // 2), "/*" * (_LONG // 2),
        "a" * _LONG, "a " * (_LONG // 2), ("a" + " " * 1000) * (_LONG // 1001), " " * _LONG,
        "{" * _LONG, "[" * _LONG, "{" + "!" * _LONG + "a:1}", "{a:'[" + " " * _LONG + "'}",
        "{a:'Date" + " " * _LONG + "'}", "{a:'" + "*" * _LONG + "'}",
        "{a:'%ms:" + " " * _LONG + "'}", "{a:'[" + "," * _LONG + "]'}",
        "{a:'[" + "9" * _LONG + ",]'}", "{a:[" + "1," * (_LONG // 2) + "]}",
        "{lbls:'" + " ," * (_LONG // 2) + "'}", "{a:'^" + "(" * 900 + "'}",
        "{a:'^" + "(a*)*" * 100 + "$'}", "{" + "a." * (_LONG // 2) + "a:1}",
    ],
)  # fmt: skip
def test_hostile_texts_take_no_time(text: str) -> None:
    """Each would take minutes or more if one step of the reading were quadratic."""
    record = {"id": "x", "a": "a" * 30_000 + "b"}
    try:
        said = str(matches(parsed(text), record))
    except InvalidValueError as error:
        said = str(error)
    assert 0 < len(said) < 300
