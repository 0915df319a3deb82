"""What people are told of an exception that no room foresaw."""

import errno

import pytest

from trainer.failures import explain


def test_what_the_file_system_refuses_is_named_with_its_place(tmp_path):
    folder = tmp_path / "check points"
    folder.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError) as raised:
        folder.mkdir(exist_ok=True)
    told = explain(raised.value, None)
    assert (told.code, told.message) == ("file", f"{folder}: File exists.")
    assert told.next_steps[0] == f"ls -ld '{folder}'"
    with pytest.raises(OSError) as raised:
        (tmp_path / "missing").read_text()
    assert explain(raised.value, None).code == "file"


def test_a_full_disk_and_what_names_no_file_keep_their_own_names():
    assert explain(OSError(errno.ENOSPC, "No space left on device", "x"), None).code == "disk_full"
    assert explain(OSError("something"), None).code == "exception"
