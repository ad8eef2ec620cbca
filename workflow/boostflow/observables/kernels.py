"""The loops over jets, constituents and pairs behind the observables, compiled by numba.

Jets are flat arrays with offsets: constituent `i` of jet `j` is at `offsets[j] + i`, pair (i, k) at
`pairs[j] + i * n + k`. Constituents have positive pT. All distances are in rapidity and azimuth,
as FastJet measures them.

`cache=True` keeps the machine code next to this file (or in NUMBA_CACHE_DIR, or in the user's cache
if neither can be written), for one kind of CPU each. Processes that start at the same time without
a cache each compile for themselves and replace the cache's files atomically: slower, never wrong.
No `fastmath`: sums are in a fixed order, so results are the same bit for bit on every run.
"""

from __future__ import annotations

import math

import numpy as np

from boostflow.compiled import njit

TWO_PI = 2 * math.pi

TINY = 1e-9
"""Momenta across or at rest below this part of the energy are rounding errors."""


@njit(cache=True)
def rapidity_phi(px, py, pz, e):
    """Rapidity and azimuth in [0, 2 pi) with FastJet's rounding (PseudoJet::_set_rap_phi)."""
    phi = math.atan2(py, px)
    if phi < 0:
        phi += TWO_PI
    if phi >= TWO_PI:
        phi -= TWO_PI
    kt2 = px * px + py * py
    m2 = max(0.0, (e + pz) * (e - pz) - kt2)
    e_plus_pz = e + abs(pz)
    rapidity = 0.5 * math.log((kt2 + m2) / (e_plus_pz * e_plus_pz))
    return (-rapidity if pz > 0 else rapidity), phi


@njit(cache=True)
def distance2(rap1, phi1, rap2, phi2):
    """(Delta y)^2 + (Delta phi)^2."""
    dphi = abs(phi1 - phi2)
    dphi = min(dphi, TWO_PI - dphi)
    drap = rap1 - rap2
    return dphi * dphi + drap * drap


@njit(cache=True)
def momenta(pt, eta, phi, mass):
    """px, py, pz, E, rapidity, azimuth of each constituent: (6, n)."""
    out = np.empty((6, len(pt)))
    for i in range(len(pt)):
        px, py, pz = pt[i] * math.cos(phi[i]), pt[i] * math.sin(phi[i]), pt[i] * math.sinh(eta[i])
        e = math.sqrt(px * px + py * py + pz * pz + mass[i] * mass[i])
        out[0, i], out[1, i], out[2, i], out[3, i] = px, py, pz, e
        out[4, i], out[5, i] = rapidity_phi(px, py, pz, e)
    return out


@njit(cache=True)
def sums(offsets, px, py, pz, e):
    """Four-momentum of each jet: (4, jets)."""
    out = np.zeros((4, len(offsets) - 1))
    for j in range(len(offsets) - 1):
        for i in range(offsets[j], offsets[j + 1]):
            out[0, j] += px[i]
            out[1, j] += py[i]
            out[2, j] += pz[i]
            out[3, j] += e[i]
    return out


@njit(cache=True)
def pair_distances(offsets, pairs, rap, phi):
    """Squared distances of all pairs in a jet, a full symmetric matrix for each jet."""
    out = np.empty(pairs[-1])
    for j in range(len(offsets) - 1):
        first, n = offsets[j], offsets[j + 1] - offsets[j]
        y, f = rap[first : first + n], phi[first : first + n]
        for i in range(n):
            row = pairs[j] + i * n
            for k in range(n):
                out[row + k] = distance2(y[i], f[i], y[k], f[k])
    return out


@njit(cache=True)
def correlators(offsets, pairs, pt, dr2, beta):
    """Energy correlation functions ECF1, ECF2, ECF3 of each jet: (3, jets).

    With w_ij = sqrt(pt_i pt_j) R_ij^beta the triple sum is that of w_ij w_jk w_ik. For a fixed i
    the sum over j, four at a time, fills a vector over k. An unsigned index cannot be negative, so
    these loops compile to vector instructions. w is 0 on and below the diagonal.
    """
    out = np.zeros((3, len(offsets) - 1))
    for jet in range(len(offsets) - 1):
        first, n = offsets[jet], offsets[jet + 1] - offsets[jet]
        end = np.uint64(n)
        w, v = np.zeros((n, n)), np.empty(n)
        weight = pt[first : first + n]
        root = np.sqrt(weight)
        matrix = dr2[pairs[jet] : pairs[jet + 1]].reshape((n, n))
        one = two = three = 0.0
        for i in range(n):
            one += weight[i]
            if beta == 1.0:
                for k in range(np.uint64(i + 1), end):
                    w[i, k] = root[i] * root[k] * math.sqrt(matrix[i, k])
            else:
                for k in range(np.uint64(i + 1), end):
                    w[i, k] = root[i] * root[k] * matrix[i, k] ** (beta / 2)
            line = 0.0
            for k in range(np.uint64(i + 1), end):
                line += w[i, k] * root[k]
            two += line * root[i]
        for i in range(n):
            v[:] = 0.0
            j = i + 1
            while j + 3 < n:
                w1, w2, w3, w4 = w[i, j], w[i, j + 1], w[i, j + 2], w[i, j + 3]
                for k in range(np.uint64(j), end):
                    v[k] += w1 * w[j, k] + w2 * w[j + 1, k] + w3 * w[j + 2, k] + w4 * w[j + 3, k]
                j += 4
            while j < n:
                for k in range(np.uint64(j), end):
                    v[k] += w[i, j] * w[j, k]
                j += 1
            for k in range(np.uint64(i), end):
                three += v[k] * w[i, k]
        out[0, jet], out[1, jet], out[2, jet] = one, two, three
    return out


@njit(cache=True)
def _distances(a, m, rap, phi, out):
    """Squared distances of item `a` to the first `m` items; infinite to itself."""
    rap_a, phi_a = rap[a], phi[a]
    for i in range(m):
        out[i] = distance2(rap_a, phi_a, rap[i], phi[i])
    out[a] = np.inf


@njit(cache=True)
def _smallest(values, m):
    """Position of the smallest of the first `m` values, the first one of several."""
    best, where = values[0], 0
    for i in range(1, m):
        if values[i] < best:
            best, where = values[i], i
    return where


@njit(cache=True)
def _weight(pt2, power):
    """pT^2p; of what has no pT at most 1e300."""
    if power == 1:
        return pt2
    return 1.0 if power == 0 else 1.0 / max(pt2, 1e-300)


@njit(cache=True)
def recluster(offsets, pairs, dr2, momentum, power):
    """Recluster all constituents of each jet into one: E scheme, no beam.

    d_ij = min(pT_i^2p, pT_j^2p) R_ij^2 with p = 1 (kT, hep-ph/9305266), 0 (Cambridge/Aachen,
    hep-ph/9707323) or -1 (anti-kT, arXiv:0802.1189): what FastJet does for a radius that is larger
    than every distance. Nearest neighbours are kept as in hep-ph/0512210: O(n^2) a jet.

    Args:
        offsets, pairs, dr2: of the jets and of `pair_distances`.
        momentum: (6, n) as from `momenta`.
        power: p.

    Returns:
        `nodes` (7, 2 n): px, py, pz, E, rapidity, azimuth, d_ij of the merging. Jet j's are at
        2 offsets[j]: first its n constituents, then the n - 1 merged ones, the last is the jet.
        `parents` (2, 2 n): numbers of the two nodes that were merged, counted in the jet; -1 for
        constituents.
    """
    total = offsets[-1]
    nodes = np.zeros((7, 2 * total))
    parents = np.full((2, 2 * total), -1, dtype=np.int64)
    size = 1
    for j in range(len(offsets) - 1):
        size = max(size, offsets[j + 1] - offsets[j])
    rap, phi, weight = np.empty(size), np.empty(size), np.empty(size)
    near, near2, d = np.empty(size, dtype=np.int64), np.empty(size), np.empty(size)
    node, fresh, other = np.empty(size, dtype=np.int64), np.empty(size), np.empty(size)
    for jet in range(len(offsets) - 1):
        first, n = offsets[jet], offsets[jet + 1] - offsets[jet]
        base = 2 * first
        for i in range(n):
            for c in range(6):
                nodes[c, base + i] = momentum[c, first + i]
            rap[i], phi[i], node[i] = momentum[4, first + i], momentum[5, first + i], i
            pt2 = momentum[0, first + i] ** 2 + momentum[1, first + i] ** 2
            weight[i] = _weight(pt2, power)
        matrix = dr2[pairs[jet] : pairs[jet + 1]].reshape((n, n))
        if n > 1:
            for i in range(n):
                best, where = np.inf, 0
                for k in range(n):
                    if matrix[i, k] < best and k != i:
                        best, where = matrix[i, k], k
                near[i], near2[i], d[i] = where, best, best * min(weight[i], weight[where])
        for m in range(n, 1, -1):
            a = _smallest(d, m)
            b = near[a]
            if b > a:
                a, b = b, a
            # The merged one takes slot b, the last one (slot m - 1) moves to slot a.
            last = m - 1
            new = 2 * n - m
            at, at_a, at_b = base + new, base + node[a], base + node[b]
            for c in range(4):
                nodes[c, at] = nodes[c, at_a] + nodes[c, at_b]
            nodes[6, at] = min(d[a], d[b])
            parents[0, at], parents[1, at] = node[a], node[b]
            px, py, pz, e = nodes[0, at], nodes[1, at], nodes[2, at], nodes[3, at]
            pt2 = px * px + py * py
            if pt2 > 0:
                rap[b], phi[b] = rapidity_phi(px, py, pz, e)
            nodes[4, at], nodes[5, at] = rap[b], phi[b]
            weight[b] = _weight(pt2, power)
            node[b] = new
            rap[a], phi[a], weight[a], node[a] = rap[last], phi[last], weight[last], node[last]
            near[a], near2[a], d[a] = near[last], near2[last], d[last]
            _distances(b, last, rap, phi, fresh)
            for i in range(last):
                if near[i] == a or near[i] == b:
                    if i == b:
                        continue
                    _distances(i, last, rap, phi, other)
                    where = _smallest(other, last)
                    near[i], near2[i] = where, other[where]
                    d[i] = near2[i] * min(weight[i], weight[where])
                else:
                    if near[i] == last:
                        near[i] = a
                    if fresh[i] < near2[i]:
                        near[i], near2[i] = b, fresh[i]
                        d[i] = fresh[i] * min(weight[i], weight[b])
            where = _smallest(fresh, last)
            near[b], near2[b] = where, fresh[where]
            d[b] = near2[b] * min(weight[b], weight[where])
    return nodes, parents


@njit(cache=True)
def exclusive(count, n, parents, base, out):
    """Write the node numbers of the last `count` subjets of a jet of `n` constituents to `out`."""
    out[0] = 2 * n - 2
    for have in range(1, count):
        # The youngest node is always among them: undo its merging.
        youngest = 2 * n - 1 - have
        for s in range(have):
            if out[s] == youngest:
                out[s] = parents[0, base + youngest]
                break
        out[have] = parents[1, base + youngest]


@njit(cache=True)
def nsubjettiness(offsets, momentum, pt, nodes, parents, most, beta, radius):
    """tau_1 to tau_`most` of each jet with exclusive kT axes: (most, jets)."""
    jets = len(offsets) - 1
    out = np.zeros((most, jets))
    axes = np.empty(most, dtype=np.int64)
    for jet in range(jets):
        first, n = offsets[jet], offsets[jet + 1] - offsets[jet]
        base = 2 * first
        norm = 0.0
        for i in range(first, first + n):
            norm += pt[i]
        norm *= radius**beta
        # As many axes as constituents leave nothing to measure.
        for count in range(1, min(most, n - 1) + 1):
            exclusive(count, n, parents, base, axes)
            total = 0.0
            for i in range(first, first + n):
                best = np.inf
                for s in range(count):
                    at = base + axes[s]
                    d2 = distance2(momentum[4, i], momentum[5, i], nodes[4, at], nodes[5, at])
                    best = min(best, d2)
                total += pt[i] * (math.sqrt(best) if beta == 1.0 else best ** (beta / 2))
            out[count - 1, jet] = total / norm
    return out


@njit(cache=True)
def soft_drop(offsets, nodes, parents, zcut):
    """Four-momentum of each jet after soft drop with beta = 0: (4, jets)."""
    out = np.zeros((4, len(offsets) - 1))
    for jet in range(len(offsets) - 1):
        n = offsets[jet + 1] - offsets[jet]
        if n == 0:
            continue
        base = 2 * offsets[jet]
        at = base + 2 * n - 2
        while parents[0, at] >= 0:
            one, two = base + parents[0, at], base + parents[1, at]
            pt1 = math.hypot(nodes[0, one], nodes[1, one])
            pt2 = math.hypot(nodes[0, two], nodes[1, two])
            if min(pt1, pt2) > zcut * (pt1 + pt2):
                break
            at = one if pt1 >= pt2 else two
        for c in range(4):
            out[c, jet] = nodes[c, at]
    return out


@njit(cache=True)
def trimmed(offsets, nodes, parents, radius, fraction):
    """Four-momentum of the Cambridge/Aachen subjets with enough pT: (4, jets).

    Mergings come in order: before the first one that is farther than `radius` the nodes are the
    inclusive jets of that radius.
    """
    out = np.zeros((4, len(offsets) - 1))
    size = 1
    for j in range(len(offsets) - 1):
        size = max(size, offsets[j + 1] - offsets[j])
    alive = np.empty(2 * size, dtype=np.bool_)
    for jet in range(len(offsets) - 1):
        n = offsets[jet + 1] - offsets[jet]
        if n == 0:
            continue
        base = 2 * offsets[jet]
        alive[: 2 * n] = False
        alive[:n] = True
        for new in range(n, 2 * n - 1):
            if nodes[6, base + new] > radius**2:
                break
            alive[new] = True
            alive[parents[0, base + new]] = alive[parents[1, base + new]] = False
        whole = base + 2 * n - 2
        least = fraction * math.hypot(nodes[0, whole], nodes[1, whole])
        for i in range(base, base + 2 * n - 1):
            if alive[i - base] and math.hypot(nodes[0, i], nodes[1, i]) > least:
                for c in range(4):
                    out[c, jet] += nodes[c, i]
    return out


@njit(cache=True)
def splittings(offsets, nodes, parents):
    """d12, d23 (GeV^2), distance of the last two subjets, lightest pair of three (GeV^2).

    Returns:
        (4, jets), zero where a jet has too few constituents.
    """
    out = np.zeros((4, len(offsets) - 1))
    three = np.empty(3, dtype=np.int64)
    for jet in range(len(offsets) - 1):
        n = offsets[jet + 1] - offsets[jet]
        base = 2 * offsets[jet]
        if n >= 2:
            at = base + 2 * n - 2
            one, two = base + parents[0, at], base + parents[1, at]
            out[0, jet] = nodes[6, at]
            out[2, jet] = math.sqrt(
                distance2(nodes[4, one], nodes[5, one], nodes[4, two], nodes[5, two])
            )
        if n >= 3:
            out[1, jet] = nodes[6, base + 2 * n - 3]
            exclusive(3, n, parents, base, three)
            lightest = np.inf
            for s in range(3):
                one, two = base + three[s], base + three[(s + 1) % 3]
                m2 = (nodes[3, one] + nodes[3, two]) ** 2
                for c in range(3):
                    m2 -= (nodes[c, one] + nodes[c, two]) ** 2
                lightest = min(lightest, m2)
            out[3, jet] = max(lightest, 0.0)
    return out


@njit(cache=True)
def rest_frame_tensors(offsets, momentum, jets):
    """Momentum tensors in the rest frame of each jet: linear, quadratic, and sum of |p|.

    Returns:
        sum_i p_a p_b / |p| (jets, 3, 3), sum_i p_a p_b (jets, 3, 3) and sum_i |p| (jets); zero
        for a jet without mass.
    """
    n = len(offsets) - 1
    linear, quadratic, total = np.zeros((n, 3, 3)), np.zeros((n, 3, 3)), np.zeros(n)
    p = np.empty(3)
    for j in range(n):
        e = jets[3, j]
        m2 = e * e - jets[0, j] ** 2 - jets[1, j] ** 2 - jets[2, j] ** 2
        if not m2 > 1e-12 * e * e:
            continue
        m = math.sqrt(m2)
        for i in range(offsets[j], offsets[j + 1]):
            dot = 0.0
            for c in range(3):
                dot += momentum[c, i] * jets[c, j]
            # Boost along -P: p' = p + P (p.P / (m (E + m)) - e_i / m).
            factor = dot / (m * (e + m)) - momentum[3, i] / m
            p2 = 0.0
            for c in range(3):
                p[c] = momentum[c, i] + jets[c, j] * factor
                p2 += p[c] * p[c]
            size = math.sqrt(p2)
            if size < TINY * e:
                continue
            total[j] += size
            for a in range(3):
                for b in range(3):
                    linear[j, a, b] += p[a] * p[b] / size
                    quadratic[j, a, b] += p[a] * p[b]
    return linear, quadratic, total


@njit(cache=True)
def transverse_tensor(offsets, momentum, jets):
    """sum_i p_a p_b / E_i of the momenta transverse to the jet: xx, xy, yy as (3, jets)."""
    n = len(offsets) - 1
    out = np.zeros((3, n))
    for j in range(n):
        pt = math.hypot(jets[0, j], jets[1, j])
        p = math.hypot(pt, jets[2, j])
        if pt == 0.0:
            continue
        # Unit vectors across the jet: u in the transverse plane, v = axis x u.
        ux, uy = -jets[1, j] / pt, jets[0, j] / pt
        ax, ay, az = jets[0, j] / p, jets[1, j] / p, jets[2, j] / p
        vx, vy, vz = -az * uy, az * ux, ax * uy - ay * ux
        for i in range(offsets[j], offsets[j + 1]):
            a = momentum[0, i] * ux + momentum[1, i] * uy
            b = momentum[0, i] * vx + momentum[1, i] * vy + momentum[2, i] * vz
            e = momentum[3, i]
            if a * a + b * b < (TINY * e) ** 2:
                continue
            out[0, j] += a * a / e
            out[1, j] += a * b / e
            out[2, j] += b * b / e
    return out


@njit(cache=True)
def angularity(offsets, momentum, pt, jets, a, radius):
    """sum_i pt_i sin^a(t) (1 - cos t)^(1 - a), t = pi R_i / (2 R), R_i to the jet, R_i <= R."""
    out = np.zeros(len(offsets) - 1)
    for j in range(len(offsets) - 1):
        if math.hypot(jets[0, j], jets[1, j]) == 0.0:
            continue
        rap, phi = rapidity_phi(jets[0, j], jets[1, j], jets[2, j], jets[3, j])
        for i in range(offsets[j], offsets[j + 1]):
            r = min(math.sqrt(distance2(momentum[4, i], momentum[5, i], rap, phi)), radius)
            t = math.pi * r / (2 * radius)
            if t > 0.0:
                out[j] += pt[i] * math.sin(t) ** a * (1 - math.cos(t)) ** (1 - a)
    return out


@njit(cache=True)
def added(offsets, values):
    """Sum of the constituents' values of each jet."""
    out = np.zeros(len(offsets) - 1)
    for j in range(len(offsets) - 1):
        for i in range(offsets[j], offsets[j + 1]):
            out[j] += values[i]
    return out
