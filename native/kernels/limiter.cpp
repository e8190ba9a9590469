// The look-ahead limiter in four steps: envelope between the samples, attenuation it asks for, hold and release,
// smoothing. Attenuation is held in fixed point, 2^24 to the octave (6.02 dB), so that the running sums of the
// smoother are exact: no drift, and the smoothed curve provably never lies above what a peak asks for.
#include "interpolate.hpp"
#include "mathfn.hpp"

namespace {

constexpr float UNITS_PER_OCTAVE = 16777216.0f;
constexpr std::int32_t ROUNDING_UNITS = 16;  // more than the error of log2_of and exp2_of together

INLINE std::int32_t at(const std::int32_t* values, std::int64_t i, std::int64_t length) {
    return i < 0 || i >= length ? 0 : values[i];
}

INLINE std::int32_t held_at(const std::int32_t* values, std::int64_t i, std::int64_t length) {
    return values[lowest(highest<std::int64_t>(i, 0), length - 1)];
}

}  // namespace

// Raises envelope[i] and envelope[i + 1] to the largest peak of any channel in [i, i + 1), where the envelope around i
// is already above ``threshold`` (below 0: everywhere). A peak between two samples binds both. The stream may run at
// ``steps`` (1, 2, 4 or 8) times the rate of the envelope; its position ``first`` belongs to envelope[0].
KERNEL(limiter_envelope)(const float* in, std::int64_t channels, std::int64_t length, std::int64_t first,
                         std::int64_t steps, const float* weights, std::int64_t phases, std::int64_t taps,
                         double threshold, float* envelope, std::int64_t count) {
    const std::int64_t bad = first_not_finite(in, channels * length);
    if (bad != FINE) return bad % length;
    const Bank bank = {weights, phases, taps};
    const std::int64_t samples = 8 / steps;
    const float least = float(threshold);
    for (std::int64_t i = 0; i < count; i += samples) {
        const std::int64_t end = lowest(i + samples, count);
        bool near = threshold < 0;
        for (std::int64_t k = i; !near && k < end; k++) near = envelope[k] > least;
        if (!near) continue;
        v8 peak = {};
        for (std::int64_t channel = 0; channel < channels; channel++)
            peak = highest(peak, peaks_at(in + channel * length, length, first + i * steps, bank));
        for (std::int64_t k = 0; k < (end - i) * steps; k++) {
            const std::int64_t at_sample = i + k / steps;
            envelope[at_sample] = highest(envelope[at_sample], peak[k]);
            if (at_sample + 1 < count) envelope[at_sample + 1] = highest(envelope[at_sample + 1], peak[k]);
        }
    }
    return FINE;
}

// The largest absolute sample of any channel.
KERNEL(limiter_sample_peaks)(const float* in, std::int64_t channels, std::int64_t length, float* envelope) {
    for (std::int64_t channel = 0; channel < channels; channel++) {
        const float* samples = in + channel * length;
        for (std::int64_t i = 0; i < length; i++) {
            const float size = bit_cast<float>(bit_cast<std::int32_t>(samples[i]) & 0x7FFFFFFF);
            envelope[i] = channel == 0 ? size : highest(envelope[i], size);
        }
    }
    return FINE;
}

// Attenuation that brings envelope * scale down to 1.
KERNEL(limiter_attenuation)(const float* envelope, std::int64_t length, double scale, std::int32_t* attenuation) {
    const float gain = float(scale);
    for (std::int64_t i = 0; i < length; i++) {
        const float level = envelope[i] * gain;
        attenuation[i] = level > 1.0f ? std::int32_t(log2_of(level) * UNITS_PER_OCTAVE) + ROUNDING_UNITS : 0;
    }
    return FINE;
}

// held[i] = the largest attenuation of [i - back, i + ahead] (van Herk: prefix and suffix maxima of blocks).
// scratch: back + ahead + 1 values.
KERNEL(limiter_hold)(const std::int32_t* attenuation, std::int64_t length, std::int64_t back, std::int64_t ahead,
                     std::int32_t* scratch, std::int32_t* held) {
    const std::int64_t window = back + ahead + 1;
    for (std::int64_t start = -back; start + back < length; start += window) {
        std::int32_t suffix = 0, prefix = 0;
        for (std::int64_t k = window - 1; k >= 0; k--)
            scratch[k] = suffix = highest(suffix, at(attenuation, start + k, length));
        const std::int64_t count = lowest(window, length - start - back);
        for (std::int64_t k = 0; k < count; k++) {
            if (k > 0) prefix = highest(prefix, at(attenuation, start + window + k - 1, length));
            held[start + back + k] = highest(scratch[k], prefix);
        }
    }
    return FINE;
}

// Where ``held`` lies at most ``band`` below ``lasting`` (the maximum of a longer window), it stays up there; further
// below, it comes back down to itself until it lies two bands below.
KERNEL(limiter_steady)(const std::int32_t* lasting, std::int64_t length, std::int64_t band, std::int32_t* held) {
    for (std::int64_t i = 0; i < length; i++) {
        const std::int64_t gap = std::int64_t(lasting[i]) - held[i];
        held[i] += std::int32_t(highest<std::int64_t>(0, lowest(gap, 2 * band - gap)));
    }
    return FINE;
}

// Lets attenuation fall back. At once by the time ``fast``; where it stood for long, by ``slow``: the slow part charges
// by ``charge`` a sample, so a single peak leaves nothing behind and a loud passage does. And where the sound presses on
// the ceiling nearly all the time, by up to ``dense`` instead of ``fast``: ``pressure`` is the share of the time, over a
// while, in which ``deep`` or more is asked, and its sixth power leaves all but the densest as it is.
// times: fast, dense (samples), slow (factor a sample), charge, pressure's rate (shares a sample), deep (fixed point).
// state: quick, steady, pressure.
KERNEL(limiter_release)(std::int32_t* held, std::int64_t length, const double* times, double* state) {
    FlushDenormals guard;
    const double fast = times[0], slower = times[1] - times[0], slow = times[2], charge = times[3], rate = times[4];
    const double depth = 1.0 / times[5];
    double quick = state[0], steady = state[1], pressure = state[2];
    for (std::int64_t i = 0; i < length; i++) {
        const double asked = held[i];
        pressure += (lowest(1.0, asked * depth) - pressure) * rate;
        const double squared = pressure * pressure;
        quick = highest(asked, quick - quick / (fast + slower * squared * squared * squared));
        steady = quick > steady ? steady + (quick - steady) * charge : steady * slow;
        held[i] = highest(held[i], std::int32_t(highest(quick, steady)));
    }
    state[0] = quick, state[1] = steady, state[2] = pressure;
    return FINE;
}

// gain[i] = 2^-(attenuation smoothed by two boxes, together [i - reach, i + reach]). The ends are continued as held.
// scratch: reach + 1 values.
KERNEL(limiter_smooth)(const std::int32_t* held, std::int64_t length, std::int64_t reach, std::int64_t* scratch,
                       float* gain) {
    const std::int64_t width = reach + 1;
    const double octaves = 1.0 / (double(width) * double(width) * double(UNITS_PER_OCTAVE));
    std::int64_t inner = 0, outer = 0, slot = 0;
    for (std::int64_t k = 0; k < width; k++) scratch[k] = 0;
    // ``inner`` sums held[i .. i + reach]; ``outer`` sums the last ``width`` values of ``inner``.
    for (std::int64_t k = 0; k < reach; k++) inner += held_at(held, k - reach, length);
    for (std::int64_t i = -reach; i < length; i++) {
        inner += held_at(held, i + reach, length);
        outer += inner - scratch[slot];
        scratch[slot] = inner;
        slot = slot + 1 == width ? 0 : slot + 1;
        inner -= held_at(held, i, length);
        if (i >= 0) gain[i] = outer == 0 ? 1.0f : exp2_of(-float(double(outer) * octaves));
    }
    return FINE;
}
