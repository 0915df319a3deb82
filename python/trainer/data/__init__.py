"""Text to token sequences: `open_data(DataRequest) -> Data`. Everything else in this folder serves that one call."""

from .loader import Data, open_data
from .request import DataRequest

__all__ = ["Data", "DataRequest", "open_data"]
