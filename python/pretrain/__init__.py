"""The guide's own package name, for programs that were written after the guide: `import pretrain as pt`.

The work is done by `pretrain_miner`; here what goes to the chain or the Hub is awaited, as the guide does. Whoever wants plain calls
takes `pretrain_miner`.
"""

from pretrain_miner import PtError, graph

from . import mining

__all__ = ["PtError", "graph", "mining"]
