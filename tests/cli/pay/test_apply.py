"""`pay apply`: scripts that are due, failed, or decided."""

import errno

import pytest

from payment_cli.app import open_app
from payment_cli.services.payments.create import NewPayment


@pytest.fixture
def script(pay, shop, root):
    """Return a function that makes a paid payment whose script is `text`, run at once."""

    def make(text: str) -> dict:
        folder = root / "home/demo/.payment/callback"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "after").write_text(text)
        return pay("create", "-fee", 0, "-callback", "after").json

    return make


def test_a_failed_script_is_listed_and_runs_again_on_request(pay, script, root):
    made = script("test -e ready || exit 3\necho fine\n")
    (listed,) = pay("apply").json
    assert (listed["id"], listed["apply_st"], listed["apply_code"]) == (made["id"], "failed", 3)
    (root / "home/demo/ready").touch()
    again = pay("apply", made["id"][-8:], "--again").json
    assert (again["apply_st"], again["apply_re"].strip()) == ("done", "fine")
    assert pay("apply").json == []


def test_a_script_that_fails_again_exits_20(pay, script):
    made = script("exit 4\n")
    ran = pay("apply", made["id"], "--again", exit_code=20)
    assert ran.json["apply_st"] == "failed"
    assert "failed with exit code 4" in ran.err


def test_an_operator_may_decide_that_it_is_not_to_run(pay, script):
    made = script("exit 4\n")
    assert pay("apply", made["id"], "--skip").json["apply_st"] == "skipped"
    assert pay("apply").json == []


def test_a_finished_script_does_not_run_twice(pay, script, root):
    made = script("echo once >> count.txt\n")
    assert "its script is done" in pay("apply", made["id"], exit_code=12).err
    assert "its script is done" in pay("apply", made["id"], "--again", exit_code=12).err
    assert (root / "home/demo/count.txt").read_text() == "once\n"


def test_a_script_that_could_not_be_started_costs_no_payment_and_runs_later(
    pay, payment, script, mocker
):
    no_memory = OSError(errno.ENOMEM, "Cannot allocate memory")
    mocker.patch("payment_cli.scripts.runner.subprocess.Popen", side_effect=no_memory)
    made = script("echo fine\n")
    assert made["st"] == "OK"
    (listed,) = pay("apply").json
    assert (listed["id"], listed["apply_st"]) == (made["id"], "due")
    refused = pay("apply", made["id"], exit_code=30).err
    assert "Cannot allocate memory" in refused
    assert "due still" in refused
    mocker.stopall()
    payment("tick")
    assert pay("get", made["id"]).json["apply_st"] == "done"


def test_tick_removes_what_a_killed_run_left(payment, shop, root):
    left = root / ".journal/scripts/run-0"
    left.mkdir(parents=True)
    (left / "record.json").write_text("{}")
    payment("tick")
    assert list(left.parent.iterdir()) == []


def test_due_runs_nothing_when_nothing_is_due(pay, script):
    script("exit 4\n")
    assert pay("apply", "--due").json == []


@pytest.mark.parametrize("words", [("apply", "--due"), ("check", "--pending")])
def test_the_script_of_a_hand_edited_payment_runs_by_its_journal(pay, script, root, words):
    script("echo made the template\n")
    app = open_app(str(root))
    new = NewPayment(fee=0, callback="after")
    edited, other = (app.creator.create(new).payment.id for _ in range(2))
    app.close()
    file = root / "var/payment" / f"{edited}.json"
    by_hand = file.read_text().replace('"fee": 0', '"fee": 1')
    file.write_text(by_hand)
    pay(*words)
    for payment_id in (edited, other):
        assert [pay("get", payment_id).json[key] for key in ("apply_st", "fee")] == ["done", 0]
    assert file.read_text() == by_hand


@pytest.mark.parametrize(
    "words",
    [["a1b2c3", "--again", "--skip"], ["--again"], ["--skip"], ["a1b2c3", "--due"],
     ["--due", "--again"]],
)  # fmt: skip
def test_decisions_that_make_no_sense_are_refused(pay, words):
    pay("apply", *words, exit_code=2)


def test_the_list_is_printed_as_asked(pay, script):
    made = script("exit 4\n")
    assert pay("apply", "-t", "id,apply_code").text == f"{made['id']}  4\n"
