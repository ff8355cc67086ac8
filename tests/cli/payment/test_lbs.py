"""`payment lbs`: countries."""


def test_countries_are_named_by_their_codes(payment):
    rows = payment("lbs", "countries", "CN", "us").json
    assert rows == [{"key": "CN", "name": "中国"}, {"key": "US", "name": "美国"}]
    english = payment("lbs", "countries", "CN", "-lang", "en_us").json
    assert english == [{"key": "CN", "name": "China"}]


def test_all_of_them_come_as_a_list_a_table_or_a_map(payment):
    rows = payment("lbs", "countries").json
    assert len(rows) > 240
    assert [row["key"] for row in rows] == sorted(row["key"] for row in rows)
    assert payment("lbs", "countries", "-map", "name").json["DE"] == "德国"
    assert payment("lbs", "countries", "DE", "-map", "obj").json["DE"]["key"] == "DE"
    assert payment("lbs", "countries", "DE", "-t", "key,name").text.split() == ["DE", "德国"]


def test_unknown_countries_and_languages_are_refused(payment):
    assert "'XX' is not a country code" in payment("lbs", "countries", "XX", exit_code=2).err
    assert "no country names" in payment("lbs", "countries", "-lang", "xx", exit_code=2).err
