"""What is imported is not looked at for rubbish again, and the collector is back afterwards, also when an import fails."""

import gc

import pytest

from trainer.events import Events
from trainer.importing import importing


@pytest.fixture(autouse=True)
def thawed():
    yield
    gc.unfreeze()


def test_the_collector_rests_and_comes_back():
    with importing(Events(None)):
        assert not gc.isenabled()
        kept = [[]]
    assert gc.isenabled()
    assert not any(kept is each for each in gc.get_objects())


def test_it_comes_back_after_an_import_that_fails():
    with pytest.raises(ModuleNotFoundError), importing(Events(None)):
        import no_such_library  # pyright: ignore[reportMissingImports]  # noqa: F401
    assert gc.isenabled()
