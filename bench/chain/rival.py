"""The same job with the Python SDK: every neuron of the subnet and every commitment."""

import json
import resource
import sys
import time

import bittensor as bt

started = time.perf_counter()
subtensor = bt.Subtensor(network=sys.argv[1])
metagraph = subtensor.metagraph(9)
commitments = subtensor.get_all_commitments(9)
job = time.perf_counter() - started
usage = resource.getrusage(resource.RUSAGE_SELF)
print(
    json.dumps(
        {
            "job": job,
            "cpu": usage.ru_utime + usage.ru_stime,
            "rss": usage.ru_maxrss / 1024,
            "neurons": len(metagraph.hotkeys),
            "commitments": len(commitments),
        }
    )
)
