import time
from uuid import RFC_4122, UUID

from app.kernel.ids import new_id


def test_an_id_is_a_uuid_of_the_standard_library_in_version_seven() -> None:
    made = new_id()
    assert type(made) is UUID
    assert (made.version, made.variant) == (7, RFC_4122)
    assert UUID(str(made)) == made


def test_an_id_carries_the_millisecond_it_was_made_in() -> None:
    before = time.time_ns() // 1_000_000
    milliseconds = new_id().int >> 80
    assert before <= milliseconds <= time.time_ns() // 1_000_000


def test_ids_made_one_after_another_rise_and_never_repeat() -> None:
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(set(made))
