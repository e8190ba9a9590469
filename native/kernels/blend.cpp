// Sums and differences of sounds: bands and dry and wet parts that become one, mid and side, stereo width. Sums are made in
// float64 in the order given, and rounded once.
#include "sides.hpp"

// rows: (channels, parts) addresses. out: (channels, length), the sum of gains[k] * rows[channel][k].
KERNEL(weighted_sum)(const std::int64_t* rows, const double* gains, std::int64_t parts, float* out, std::int64_t channels,
                     std::int64_t length) {
    FlushDenormals guard;
    constexpr std::int64_t BLOCK = 512;
    double sums[BLOCK];
    for (std::int64_t channel = 0; channel < channels; channel++, rows += parts, out += length) {
        for (std::int64_t at = 0; at < length; at += BLOCK) {
            const std::int64_t samples = lowest(BLOCK, length - at);
            for (std::int64_t i = 0; i < samples; i++) sums[i] = 0.0;
            for (std::int64_t k = 0; k < parts; k++) {
                const float* row = reinterpret_cast<const float*>(rows[k]) + at;
                for (std::int64_t i = 0; i < samples; i++) sums[i] += gains[k] * static_cast<double>(row[i]);
            }
            for (std::int64_t i = 0; i < samples; i++) out[at + i] = static_cast<float>(sums[i]);
        }
        const std::int64_t bad = first_not_finite(out, length);
        if (bad != FINE) return bad;
    }
    return FINE;
}

// mid = (left + right) / 2, side = side_gain * (left - right) / 2.
KERNEL(mid_and_side)(const float* left, const float* right, float* mid, float* side, std::int64_t length, double side_gain) {
    FlushDenormals guard;
    for (std::int64_t i = 0; i < length; i++) {
        const double l = left[i], r = right[i];
        mid[i] = static_cast<float>(0.5 * (l + r));
        side[i] = static_cast<float>(0.5 * side_gain * (l - r));
    }
    return first_of_two(mid, side, length);
}

KERNEL(left_and_right)(const float* mid, const float* side, float* left, float* right, std::int64_t length) {
    FlushDenormals guard;
    for (std::int64_t i = 0; i < length; i++) {
        const double m = mid[i], s = side[i];
        left[i] = static_cast<float>(m + s);
        right[i] = static_cast<float>(m - s);
    }
    return first_of_two(left, right, length);
}

// There and back in one, without rounding in between: a width of 1 changes no bit.
KERNEL(widen)(const float* left_in, const float* right_in, float* left_out, float* right_out, std::int64_t length,
              double width) {
    FlushDenormals guard;
    for (std::int64_t i = 0; i < length; i++) {
        const double l = left_in[i], r = right_in[i], m = 0.5 * (l + r), s = 0.5 * width * (l - r);
        left_out[i] = static_cast<float>(m + s);
        right_out[i] = static_cast<float>(m - s);
    }
    return first_of_two(left_out, right_out, length);
}
