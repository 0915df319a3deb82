"""Muon over processes: the same update as alone, with every matrix orthogonalised once."""

import os
import socket

import pytest
import torch

from trainer_support import _context

# Rows that the ranks share evenly, unevenly, and too few for all of them; more and fewer matrices than ranks; stacks of matrices, also fewer than ranks.
SHAPES = [(8, 6)] * 3 + [(5, 12)] * 2 + [(2, 4)] + [(5, 6, 4)] * 2 + [(2, 3, 7)]
COUNT = sum(shape[0] if len(shape) == 3 else 1 for shape in SHAPES)


def matrices(seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in SHAPES]


def alone(even_rows):
    from trainer.optim.muon import Muon

    params = [torch.nn.Parameter(matrix) for matrix in matrices(0)]
    optimizer = Muon(params, 0.02, 0.95, 0.1, 5, even_rows=even_rows)
    for step in range(3):
        for param, gradient in zip(params, matrices(step + 1)):
            param.grad = gradient
        optimizer.step()
    return [param.detach() for param in params]


def rank_of(rank, count, port, pipe, even_rows):
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(count), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    from trainer.optim import muon

    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (count,))
    worked = []
    plain = muon.orthogonalise
    muon.orthogonalise = lambda matrices, steps: worked.append(len(matrices)) or plain(matrices, steps)
    params = [torch.nn.Parameter(distribute_tensor(matrix, mesh, [Shard(0)])) for matrix in matrices(0)]
    optimizer = muon.Muon(params, 0.02, 0.95, 0.1, 5, even_rows=even_rows)
    for step in range(3):
        for param, gradient in zip(params, matrices(step + 1)):
            param.grad = distribute_tensor(gradient, mesh, [Shard(0)])
        optimizer.step()
    whole = [param.detach().full_tensor() for param in params]
    pipe.send((sum(worked), [tensor.numpy() for tensor in whole]))
    dist.destroy_process_group()


@pytest.mark.parametrize("count, even_rows", [(2, False), (3, False), (3, True)])
def test_ranks_share_the_work_and_agree(count, even_rows):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    pipes = [_context.Pipe(duplex=False) for _ in range(count)]
    processes = [_context.Process(target=rank_of, args=(rank, count, port, pipes[rank][1], even_rows)) for rank in range(count)]
    for process in processes:
        process.start()
    results = []
    for receiver, _ in pipes:
        assert receiver.poll(90), "a rank did not answer"
        results.append(receiver.recv())
    for process in processes:
        process.join(20)
    assert sum(worked for worked, _ in results) == 3 * COUNT, "each matrix once a step, over all ranks"
    assert max(worked for worked, _ in results) < 3 * COUNT
    for _, whole in results:
        for ours, expected in zip(whole, alone(even_rows)):
            torch.testing.assert_close(torch.from_numpy(ours), expected, rtol=1e-4, atol=1e-6)
