"""The loops behind probabilities and coder, compiled by numba.

All are in one file: numba keeps the machine code of a loop until its own file changes, even if it
calls one of another file that has changed.
"""

from __future__ import annotations

import math

import numpy as np

from boostflow.compiled import njit

BITS = 24
WHOLE = 1 << BITS
"""Parts of a probability of 1."""
LOWEST = np.uint64(1 << 31)
"""The state of the coder is at least this between two codes."""
WORD = np.uint64(32)
LOW_BITS = np.uint64(0xFFFFFFFF)
PARTS = np.uint64(BITS)


@njit(cache=True)
def below(code, codes, mean, slope, weight, table):
    """Parts of the probability of all codes smaller than `code`, of one jet."""
    if code <= 0:
        return 0
    if code >= codes:
        return WHOLE
    last = len(table) - 1
    whole = weight[len(mean)]
    found = whole * (code * WHOLE // codes)
    for k in range(len(mean)):
        # No product is added to anything: some compilers would round that once, not twice.
        place = (code - 0.5 - mean[k]) * slope[k]
        step = math.floor(place)
        number = int(min(max(step, -1e6), 1e6)) + last // 2
        if number < 0:
            part = 0
        elif number >= last:
            part = WHOLE
        else:
            part = table[number] + int((table[number + 1] - table[number]) * (place - step))
        found += weight[k] * part
        whole += weight[k]
    return (found // whole) * (WHOLE - codes) // WHOLE + code


@njit(cache=True)
def intervals(code, codes, mean, slope, weight, table):
    """Parts below each jet's code, and of the code itself; both of shape (N,)."""
    low = np.empty(len(code), np.int64)
    size = np.empty(len(code), np.int64)
    for i in range(len(code)):
        low[i] = below(code[i], codes, mean[i], slope[i], weight[i], table)
        high = below(code[i] + 1, codes, mean[i], slope[i], weight[i], table)
        size[i] = high - low[i]
    return low, size


@njit(cache=True)
def push(low, size, state, words, count):
    """Encode from the last to the first; the new state and number of words."""
    for i in range(len(low) - 1, -1, -1):
        n = np.uint64(size[i])
        if state >= ((LOWEST >> PARTS) << WORD) * n:
            words[count] = np.uint32(state & LOW_BITS)
            count += 1
            state = state >> WORD
        state = ((state // n) << PARTS) + state % n + np.uint64(low[i])
    return state, count


@njit(cache=True)
def pull(state, at, words, codes, mean, slope, weight, table, found):
    """Decode a code of each jet into `found`; the new state and place, -1 if words are missing."""
    for i in range(len(mean)):
        slot = np.int64(state & np.uint64(WHOLE - 1))
        first, end = 0, codes
        while end - first > 1:
            middle = (first + end) // 2
            if below(middle, codes, mean[i], slope[i], weight[i], table) <= slot:
                first = middle
            else:
                end = middle
        low = below(first, codes, mean[i], slope[i], weight[i], table)
        size = below(first + 1, codes, mean[i], slope[i], weight[i], table) - low
        found[i] = first
        state = np.uint64(size) * (state >> PARTS) + np.uint64(slot - low)
        if state < LOWEST:
            at -= 1
            if at < 0:
                return state, at
            state = (state << WORD) | np.uint64(words[at])
    return state, at
