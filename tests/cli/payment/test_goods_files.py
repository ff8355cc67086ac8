"""`payment w import` and `export`."""

import pytest

pytestmark = pytest.mark.usefixtures("shop")

LINES = (
    '{"nm":"cup","w_nm":"Cup, blue","w_price":34.50,"sku":5,"weight":0.25}\n'
    '{"nm":"set","w_nm":"Set","w_pkg":[{"w_id":"cup","num":4}]}\n'
)


@pytest.fixture
def goods(tmp_path):
    path = tmp_path / "goods.jsonl"
    path.write_text(LINES)
    return path


def test_goods_come_from_a_file_or_stdin_and_go_out_again(payment, goods):
    assert payment("w", "import", goods).json == {"added": 2, "changed": 0, "unchanged": 0}
    exported = payment("w", "export")
    assert exported.err == ""
    other = payment("w", "import", "-", "--format", "jsonl", stdin=exported.text).json
    assert other == {"added": 0, "changed": 0, "unchanged": 2}


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_is_imported_by_another_store(payment, goods, form, tmp_path):
    payment("w", "import", goods)
    exported = payment("w", "export", "--format", form).text
    payment("store", "init", "other", "--as", "root")
    target = tmp_path / f"out.{form}"
    target.write_text(exported)
    assert payment("w", "import", target, "--as", "other").json["added"] == 2
    assert payment("w", "export", "--format", form, "--as", "other").text == exported
    assert payment("o", "price", "--item", "set", "--as", "other").json["fee"] == 138


def test_an_import_says_nothing_on_stderr_when_nobody_watches(payment, goods):
    assert payment("w", "import", goods).err == ""


def test_a_bar_is_drawn_for_who_watches(payment, goods):
    ran = payment("w", "import", goods, "-c", terminal=True, env={"TERM": "xterm"})
    assert ran.json["added"] == 2
    assert "goods" in ran.err


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ('{"nm":"x","w_nm":"X"}', "line 3: product 'x': w_price is missing"),
        ('{"nm":"x","w_nm":"X","w_price":-1}', "line 3: product 'x': w_price must be 0"),
        ('{"nm":"x","w_nm":"X","w_price":1.999}', "line 3: product 'x': w_price has more than two"),
        ('{"w_nm":"X","w_price":1}', "line 3: nm is missing"),
        ('{"nm":"cup","w_nm":"X","w_price":1}', "line 3: the name cup is in the file twice"),
        ('{"nm":"x","w_nm":"X","w_pkg":[{"w_id":"no"}]}', "line 3: package x: there is no product"),
        ('{"nm":"x","w_nm":"X","w_pkg":[{"w_id":"set"}]}', "line 3: package x: product set is a"),
        ('{"nm":"x","w_nm":"X","w_pkg":[{"w_id":"x"}]}', "line 3: package x: product x is a packa"),
        ('{"nm":"x",', "line 3 is not valid JSON"),
        ("[1]", "line 3 must be a JSON object"),
        ('{"nm":"x","nm":"y"}', "line 3 is not valid JSON: a key occurs twice"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(payment, goods, bad, said):
    goods.write_text(LINES + bad + "\n" + '{"nm":"y","w_nm":"Y","w_price":1}\n')
    ran = payment("w", "import", goods, exit_code=2)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert payment("w", "list").json == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nm,w_nm,w_price,prize\n", "line 1: 'prize' is not a column of goods"),
        ("nm,w_nm,nm\n", "line 1: 'nm' is there twice"),
        ("nm,w_nm,w_price\ncup,Cup\n", "line 2: it has another number of cells than line 1"),
        ("nm,w_nm,w_price\ncup,Cup,1_000\n", "line 2: w_price: '1_000' is not a number"),
        ("nm,w_nm,w_price\ncup,Cup,NaN\n", "line 2: w_price: 'NaN' is not a number"),
        ("nm,w_nm,w_price\ncup,Cup,9e9\n", "line 2: w_price: '9e9' is not a number"),
        (f"nm,w_nm,w_price\ncup,Cup,{10**16}\n", "line 2: product 'cup': w_price must be 0 to"),
        ('nm,w_nm,w_price\ncup,"Cup,1\n', "line 2: unexpected end of data"),
        ('"nm,w_nm', "line 1: unexpected end of data"),
        ("nm,w_nm,w_price,w_pkg\ncup,Cup,1,{\n", "line 2: w_pkg is not valid JSON"),
        ("nm,w_nm,w_price\n,Cup,1\n", "line 2: nm is missing"),
    ],
)
def test_a_bad_csv_is_named_and_nothing_is_imported(payment, tmp_path, text, said):
    path = tmp_path / "goods.csv"
    path.write_text(text)
    ran = payment("w", "import", path, exit_code=2)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert payment("w", "list").json == []


def test_csv_from_a_spreadsheet_is_read(payment, tmp_path):
    path = tmp_path / "goods.CSV"
    path.write_bytes("\ufeffnm,titel\r\n".encode())
    assert "'titel' is not a column" in payment("w", "import", path, exit_code=2).err
    text = '\ufeffnm,w_nm,w_price,cat,description\r\ncup,"Cup, blue",34.5,cups,"two\nlines"\r\n'
    path.write_bytes(text.encode())
    assert payment("w", "import", path).json["added"] == 1
    made = payment("w", "get", "cup").json
    assert (made["w_nm"], made["w_price"], made["cat"]) == ("Cup, blue", 34.5, ["cups"])
    assert made["description"] == "two\nlines"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"nm":"\xff"}\n', "line 1 is not UTF-8"),
        (b"\n" + b"x" * (1 << 20) + b"x\n", "line 2 is longer than 1 MiB"),
    ],
)
def test_what_is_no_text_is_refused(payment, data, said):
    ran = payment("w", "import", "-", "--format", "jsonl", stdin=data, exit_code=2)
    assert said in ran.err


def test_files_that_are_not_there_or_do_not_say_their_format(payment, tmp_path):
    assert "no file" in payment("w", "import", tmp_path / "x.csv", exit_code=10).err
    ran = payment("w", "import", tmp_path / "x.txt", exit_code=2)
    assert "does not say its format" in ran.err
    payment("w", "import", "-", exit_code=2)


def test_what_the_file_does_not_mention_stays(payment, goods, tmp_path):
    payment("w", "import", goods)
    payment("w", "stock", "cup", "-2")
    prices = tmp_path / "prices.csv"
    prices.write_text("nm,w_price,weight\ncup,30,\nset,,\n")
    assert payment("w", "import", prices).json == {"added": 0, "changed": 1, "unchanged": 1}
    cup = payment("w", "get", "cup").json
    assert (cup["w_price"], cup["w_nm"], cup["sku"]) == (30, "Cup, blue", 3)
    assert "weight" not in cup


def test_a_table_from_a_chinese_excel_is_read_and_said_to_be_one(payment, tmp_path):
    path = tmp_path / "goods.csv"
    path.write_bytes("货号,名称,价格,库存\r\ncup,蓝色茶杯,34.5,5\r\n,,,\r\n".encode("gb18030"))
    ran = payment("w", "import", path)
    assert ran.json["added"] == 1
    assert ran.err == f"{path}: GB18030, read as such\n"
    made = payment("w", "get", "cup").json
    assert (made["w_nm"], made["w_price"], made["sku"]) == ("蓝色茶杯", 34.5, 5)
    path.write_bytes("货号\t价格\r\ncup\t35\r\n".encode("utf-16"))
    assert payment("w", "import", path).err == f"{path}: UTF-16, read as such\n"
    assert payment("w", "get", "cup").json["w_price"] == 35


def test_an_old_export_leaves_the_stock_and_says_so(payment, goods):
    payment("w", "import", goods)
    payment("w", "stock", "cup", "-3")
    ran = payment("w", "import", goods)
    assert ran.json == {"added": 0, "changed": 0, "unchanged": 2}
    assert ran.err == "stock left as it is counted, not as the file has it: 1 (--stock)\n"
    assert payment("w", "get", "cup").json["sku"] == 2
    ran = payment("w", "import", goods, "--stock")
    assert (ran.json["changed"], ran.err) == (1, "")
    assert payment("w", "get", "cup").json["sku"] == 5


def test_a_code_that_excel_spoiled_and_a_column_of_ones_own(payment, tmp_path):
    path = tmp_path / "goods.csv"
    path.write_text("nm,title,price,barcode\ncup,Cup,1,6.9E+12\n")
    assert "'barcode' is not a column" in payment("w", "import", path, exit_code=2).err
    ran = payment("w", "import", path, "--keep", "barcode", exit_code=2)
    assert "line 2: barcode: '6.9E+12' is what a spreadsheet made of a long number" in ran.err
    path.write_text("nm,title,price,barcode\ncup,Cup,1,6901234567892\n")
    payment("w", "import", path, "--keep", "barcode")
    assert payment("w", "get", "cup").json["barcode"] == "6901234567892"


def test_a_table_without_end_is_not_read_to_its_end(payment):
    refused = payment("w", "import", "/dev/zero", "--format", "csv", exit_code=2)
    assert "the table is larger than 64 MiB" in refused.err
