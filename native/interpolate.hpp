// The signal between its samples: the largest absolute value that a bank of interpolation filters finds there.
// A bank is ``phases`` rows of ``taps`` weights; row p gives the signal somewhere in [i, i + 1) from the ``taps``
// samples around it. Eight neighbouring positions share a vector, so each result has one fixed order of additions,
// whatever the length of the stretch.
#pragma once
#include "kernel.hpp"

namespace {

constexpr std::int64_t MOST_TAPS = 256;

struct Bank {
    const float* weights;
    std::int64_t phases, taps;
};

INLINE v8 absolute(v8 x) { return bit_cast<v8>(bit_cast<v8i>(x) & 0x7FFFFFFF); }

// ``GROUP`` rows at once, so that every load serves several of them.
template <int GROUP>
INLINE v8 group_peak(const float* first, const float* weights, std::int64_t taps) {
    v8 sums[GROUP] = {};
    for (std::int64_t k = 0; k < taps; k++) {
        const v8 samples = load<v8>(first + k);
        for (int row = 0; row < GROUP; row++) sums[row] += samples * weights[row * taps + k];
    }
    v8 peak = absolute(sums[0]);
    for (int row = 1; row < GROUP; row++) peak = highest(peak, absolute(sums[row]));
    return peak;
}

// Peaks in [i, i + 1) ... [i + 7, i + 8); ``first`` points at sample i - taps / 2 + 1. ``phases`` is a multiple of 4.
INLINE v8 peaks_of_eight(const float* first, const Bank& bank) {
    v8 peak = {};
    std::int64_t row = 0;
    for (; row + 8 <= bank.phases; row += 8)
        peak = highest(peak, group_peak<8>(first, bank.weights + row * bank.taps, bank.taps));
    for (; row < bank.phases; row += 4)
        peak = highest(peak, group_peak<4>(first, bank.weights + row * bank.taps, bank.taps));
    return peak;
}

// The same anywhere in a channel: silence stands before its start and after its end.
INLINE v8 peaks_at(const float* channel, std::int64_t length, std::int64_t i, const Bank& bank) {
    const std::int64_t start = i - bank.taps / 2 + 1, span = bank.taps + 7;
    if (start >= 0 && start + span <= length) return peaks_of_eight(channel + start, bank);
    float padded[MOST_TAPS + 8] = {};
    const std::int64_t from = highest<std::int64_t>(start, 0), to = lowest(start + span, length);
    if (to > from) std::memcpy(padded + (from - start), channel + from, sizeof(float) * std::size_t(to - from));
    return peaks_of_eight(padded, bank);
}

}  // namespace
