"""Trajectories of known diffusivity."""

import numpy as np

CM2 = 0.1  # cm^2/s per Å^2/fs


def brownian(rng, n=30, frames=400, D=0.005, interval=10.0, shake=0.0, axes=(1, 1, 1)):
    """Return positions, times and D (cm^2/s) of walkers that also vibrate.

    D is the mean over the axes, whose shares are `axes`.
    """
    along = 3 * D * np.array(axes) / sum(axes)
    steps = rng.normal(size=(frames, n, 3)) * np.sqrt(2 * along * interval)
    noise = shake * rng.normal(size=(frames, n, 3))
    return np.cumsum(steps, axis=0) + noise, interval * np.arange(frames), D * CM2


def uneven(rng, n=30, frames=300, D=0.005):
    """Return walkers seen at random times."""
    times = np.cumsum(rng.exponential(10.0, size=frames) + 0.01)
    steps = rng.normal(size=(frames, n, 3)) * np.sqrt(
        2 * D * np.diff(times, prepend=times[0] - 1)[:, None, None]
    )
    return np.cumsum(steps, axis=0), times, D * CM2


def lattice_gas(rng, n=30, frames=500, rate=0.002, jump=3.0, shake=0.3, interval=10.0):
    """Return vibrating ions that hop between the sites of a cubic lattice."""
    hops = rng.random((frames, n)) < rate * interval
    axis = rng.integers(0, 3, (frames, n))
    sign = rng.choice([-1.0, 1.0], (frames, n))
    steps = np.zeros((frames, n, 3))
    for a in range(3):
        steps[..., a] = hops * (axis == a) * sign * jump
    positions = np.cumsum(steps, axis=0) + shake * rng.normal(size=(frames, n, 3))
    return positions, interval * np.arange(frames), rate * jump**2 / 6 * CM2


def caged_walk(rng, n=30, frames=600, D=0.001, memory=0.8, interval=10.0):
    """Return walkers in a cage that they remember for some frames (back-jumps)."""
    walk, times, true = brownian(rng, n, frames, D, interval)
    cage = np.zeros((frames, n, 3))
    kick = 0.5 * rng.normal(size=(frames, n, 3))
    for i in range(1, frames):
        cage[i] = memory * cage[i - 1] + kick[i]
    return walk + cage, times, true


def rattling(rng, n=30, frames=400, shake=0.3, memory=0.0):
    """Return ions that stay in their cages."""
    out = np.zeros((frames, n, 3))
    kick = shake * rng.normal(size=(frames, n, 3))
    for i in range(1, frames):
        out[i] = memory * out[i - 1] + kick[i]
    return out, 10.0 * np.arange(frames), 0.0


def langevin(rng, n=30, frames=600, D=0.001, friction=0.02, interval=20.0):
    """Return free Langevin particles: ballistic at short lags, D = kT / (m friction).

    The velocities are an Ornstein-Uhlenbeck process, integrated exactly.
    """
    decay = np.exp(-friction * interval)
    v2 = D * friction
    v = rng.normal(size=(n, 3)) * np.sqrt(v2)
    x = np.zeros((n, 3))
    positions = [x]
    var_v = v2 * (1 - decay**2)
    var_x = v2 / friction**2 * (2 * friction * interval - 3 + 4 * decay - decay**2)
    cov = v2 / friction * (1 - decay) ** 2
    root = np.linalg.cholesky(np.array([[var_x, cov], [cov, var_v]]))
    for _ in range(frames - 1):
        noise = np.einsum("ab,bnx->anx", root, rng.normal(size=(2, n, 3)))
        x = x + v * (1 - decay) / friction + noise[0]
        v = v * decay + noise[1]
        positions.append(x)
    return np.array(positions), interval * np.arange(frames), D * CM2


def square_root(rng, n=20, frames=400, step=0.5):
    """Return walkers whose MSD grows as the square root of time (no diffusivity).

    Fractional Brownian motion of Hurst exponent 1/4, exact by Cholesky.
    """
    k = np.arange(frames, dtype=float)
    lag = np.abs(k[:, None] - k)
    covariance = 0.5 * (np.sqrt(lag + 1) + np.sqrt(np.abs(lag - 1))) - np.sqrt(lag)
    root = np.linalg.cholesky(covariance)
    steps = step * np.einsum("ab,bnx->anx", root, rng.normal(size=(frames, n, 3)))
    return np.cumsum(steps, axis=0), 10.0 * k, 0.0


def few(rng):
    """Return five walkers over sixty frames: little data."""
    return brownian(rng, n=5, frames=60)


def channels(rng):
    """Return vibrating walkers that diffuse along one axis only."""
    return brownian(rng, shake=0.3, axes=(1, 0, 0))


def few_jumps(rng):
    """Return a lattice gas whose ions jump about forty times in all."""
    return lattice_gas(rng, n=20, frames=500, rate=0.0004)


def long_run(rng):
    """Return many frames of vibrating walkers: the smallest curvature would show."""
    return brownian(rng, n=20, frames=4000, D=0.001, shake=0.4)


def bursts(rng, n=20, frames=200, D=0.005):
    """Return walkers seen in bursts of frames with long gaps between."""
    gaps = np.where(rng.random(frames) < 0.1, 300.0, 5.0)
    steps = rng.normal(size=(frames, n, 3)) * np.sqrt(2 * D * gaps)[:, None, None]
    noise = 0.3 * rng.normal(size=steps.shape)
    return np.cumsum(steps, axis=0) + noise, np.cumsum(gaps), D * CM2


def some_mobile(rng, n=30, frames=400, D=0.015):
    """Return vibrating ions of which a third diffuses; D is the mean over all."""
    walk, times, _ = brownian(rng, n // 3, frames, D, shake=0.3)
    rest = 0.3 * rng.normal(size=(frames, n - n // 3, 3))
    return np.concatenate([walk, rest], axis=1), times, D / 3 * CM2


def back_jumps(rng, n=30, frames=1500, rate=0.002, back=0.5, jump=3.0):
    """Return vibrating ions that take every second hop back at once.

    With a mean cosine of -b between neighbouring hops, D is that of free hops times
    (1 - b) / (1 + b).
    """
    interval = 10.0
    choices = jump * np.vstack([np.eye(3), -np.eye(3)])
    hops = rng.random((frames, n)) < rate * interval
    returns = rng.random((frames, n)) < back
    fresh = choices[rng.integers(0, 6, (frames, n))]
    last, steps = fresh[0], np.zeros((frames, n, 3))
    for i in range(frames):
        step = np.where(returns[i, :, None], -last, fresh[i])
        steps[i] = hops[i, :, None] * step
        last = np.where(hops[i, :, None], step, last)
    positions = np.cumsum(steps, axis=0) + 0.3 * rng.normal(size=steps.shape)
    free = rate * jump**2 / 6 * CM2
    return positions, interval * np.arange(frames), free * (1 - back) / (1 + back)
