import threading

import pytest

from payment_cli.web.admission import Limit, address_of, client_of

NOW = 1_790_000_000_000


def test_a_burst_is_let_through_then_one_each_interval():
    limit = Limit(burst=3, every_ms=1000)
    assert [limit.take("a", NOW) for _ in range(4)] == [0, 0, 0, 1000]
    assert limit.take("a", NOW + 999) == 1
    assert [limit.take("a", NOW + 1000) for _ in range(2)] == [0, 1000]


def test_who_waits_may_burst_again_but_not_save_up_more():
    limit = Limit(burst=2, every_ms=1000)
    assert [limit.take("a", NOW) for _ in range(2)] == [0, 0]
    later = NOW + 3_600_000
    assert [limit.take("a", later) for _ in range(3)] == [0, 0, 1000]


def test_a_refused_request_does_not_lengthen_the_wait():
    limit = Limit(burst=1, every_ms=1000)
    limit.take("a", NOW)
    for _ in range(50):
        assert limit.take("a", NOW) == 1000
    assert limit.take("a", NOW + 1000) == 0


def test_each_key_has_its_own_bucket():
    limit = Limit(burst=1, every_ms=1000)
    assert [limit.take(key, NOW) for key in "aab"] == [0, 1000, 0]


def test_a_clock_that_is_set_back_does_not_close_a_bucket_for_longer_than_it_takes_to_fill():
    limit = Limit(burst=2, every_ms=1000)
    limit.take("a", NOW)
    assert limit.take("a", NOW - 86_400_000) <= 1000
    assert limit.take("a", NOW - 86_400_000 + 2000) == 0


def test_no_more_keys_are_kept_than_fit_and_the_longest_silent_is_forgotten():
    limit = Limit(burst=1, every_ms=1_000_000, keys_max=100)
    limit.take("first", NOW)
    for number in range(99):
        limit.take(str(number), NOW)
    assert limit.take("first", NOW) > 0
    for number in range(100, 1000):
        limit.take(str(number), NOW)
    assert len(limit._free_at) == 100
    assert limit.take("first", NOW) == 0


def test_threads_together_get_no_more_than_the_burst():
    limit = Limit(burst=50, every_ms=1_000_000)
    answers: list[int] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        answers.extend(limit.take("a", NOW) for _ in range(25))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(0) == 50


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("::1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "unknown", "?"),
        ("::ffff:203.0.113.9", "", "203.0.113.9"),
    ],
)
def test_only_a_proxy_of_this_machine_is_believed_about_the_client(peer, forwarded, address):
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    assert address_of(environ) == address
    assert client_of(environ) == address.replace("?", "")


def test_a_client_is_its_whole_address_and_not_its_network():
    assert client_of({"REMOTE_ADDR": "2001:db8:1:2:F::9"}) == "2001:db8:1:2:f::9"
    assert client_of({"REMOTE_ADDR": "fe80::1%eth0"}) == ""


def test_neighbours_in_one_ipv6_network_are_counted_together():
    peers = ("2001:db8:1:2::1", "2001:db8:1:2:f::9", "2001:db8:1:3::1")
    one, same, other = (address_of({"REMOTE_ADDR": peer}) for peer in peers)
    assert one == same != other
