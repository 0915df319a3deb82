"""The toolbox of `pt` for people with a training loop of their own: load, save and publish models from Python.

Needs nothing but Python >= 3.10 and the `pt` command on the PATH; only what returns or takes a model in memory imports
`transformers`. Everything that talks to a chain or a Hub is done, and verified, by `pt`.

    from pretrain_miner import graph, mining

    model = mining.load_remote_model(uid=graph.best_uid(), download_dir="best")
    ...                                   # train it
    mining.save(model, "model-foo/")
    mining.push(mining.load_local_model("model-foo/"), repo="me/model", wallet="default/default")
"""

from . import graph, mining
from ._pt import PtError

__all__ = ["PtError", "graph", "mining"]
