// Gains over time for dynamics that a strip does not do: compressors with a memory, gates, transient shapers. One gain
// for all channels of a track; the caller multiplies. Levels are log2 of power, gains log2 of amplitude, in float64.
#include "mathfn.hpp"

namespace {

constexpr double FLOOR = 1e-30;

struct Heard {  // a mono track is given twice
    const float *left, *right;

    double peak_power(std::int64_t i) const {
        const double l = left[i], r = right[i];
        return highest(l * l, r * r);
    }
    double mean_power(std::int64_t i) const {
        const double l = left[i], r = right[i];
        return 0.5 * (l * l + r * r);
    }
    std::int64_t first_bad(std::int64_t length) const {
        const std::int64_t in_left = first_not_finite(left, length);
        return in_left != FINE ? in_left : first_not_finite(right, length);
    }
};

double over_knee(double over, double knee) {
    const double inside = lowest(highest(over + 0.5 * knee, 0.0), knee);
    return inside * inside * (0.5 / knee) + highest(over - 0.5 * knee, 0.0);
}

void approach(double& state, double wanted, double share_down, double share_up) {
    state += (wanted - state) * (wanted < state ? share_down : share_up);
}

// Higher at once or by ``rise``, lower by ``fall``.
void envelope(double& state, double power, double rise, double fall) {
    state += (power - state) * (power > state ? rise : fall);
}

}  // namespace

// settings: peak (0 or 1), power share, threshold, knee, slope, feedback (0 or 1), deepest gain, attack, release, charge,
// slow release, slow depth. state: power, memory, gain. What has been held down for long charges the memory, and the
// gain comes back fast only as far as ``slow depth`` of it. With feedback, the detector hears the output.
KERNEL(compressor_gain)(const float* left, const float* right, float* gains, std::int64_t length, const double* settings,
                        double* state) {
    const Heard heard = {left, right};
    const std::int64_t bad = heard.first_bad(length);
    if (bad != FINE) return bad;
    FlushDenormals guard;
    const bool peak = settings[0] != 0.0, feedback = settings[5] != 0.0;
    const double share = settings[1], threshold = settings[2], knee = settings[3], slope = settings[4];
    const double deepest = settings[6], attack = settings[7], release = settings[8], charge = settings[9];
    const double slow_release = settings[10], slow_depth = settings[11];
    double power = state[0], memory = state[1], gain = state[2];
    for (std::int64_t i = 0; i < length; i++) {
        power += share * ((peak ? heard.peak_power(i) : heard.mean_power(i)) - power);
        const double level = log2_of(power + FLOOR) + (feedback ? 2.0 * gain : 0.0);
        const double wanted = highest(slope * over_knee(level - threshold, knee), deepest);
        approach(memory, wanted, charge, slow_release);
        approach(gain, lowest(wanted, slow_depth * memory), attack, release);
        gains[i] = static_cast<float>(exp2_of(gain));
    }
    state[0] = power, state[1] = memory, state[2] = gain;
    return FINE;
}

// settings: envelope fall, opening level, closing level, hold (samples), slope, deepest gain, attack (opening), release.
// state: envelope, open (0 or 1), hold left, gain.
KERNEL(gate_gain)(const float* left, const float* right, float* gains, std::int64_t length, const double* settings,
                  double* state) {
    const Heard heard = {left, right};
    const std::int64_t bad = heard.first_bad(length);
    if (bad != FINE) return bad;
    FlushDenormals guard;
    const double fall = settings[0], opening = settings[1], closing = settings[2], hold = settings[3];
    const double slope = settings[4], deepest = settings[5], attack = settings[6], release = settings[7];
    double power = state[0], open = state[1], left_to_hold = state[2], gain = state[3];
    for (std::int64_t i = 0; i < length; i++) {
        envelope(power, heard.peak_power(i), 1.0, fall);
        const double level = log2_of(power + FLOOR);
        if (level >= opening) open = 1.0;
        if (level >= closing && open != 0.0) left_to_hold = hold;
        else if (left_to_hold > 0.0) left_to_hold -= 1.0;
        else open = 0.0;
        const double wanted = open != 0.0 ? 0.0 : highest(slope * lowest(level - opening, 0.0), deepest);
        approach(gain, wanted, release, attack);
        gains[i] = static_cast<float>(exp2_of(gain));
    }
    state[0] = power, state[1] = open, state[2] = left_to_hold, state[3] = gain;
    return FINE;
}

// settings: fast rise, slow rise, fast fall, slow fall, attack gain, sustain gain (log2 of amplitude for a difference of
// ``full`` and nothing below a quarter of it), full (log2 of power), smoothing share. state: four envelopes, the gain, the peaks
// that the envelopes follow. Where the fast riser is above the
// slow one there is an attack; where the slow faller is above the fast one there is a tail.
KERNEL(transient_gain)(const float* left, const float* right, float* gains, std::int64_t length, const double* settings,
                       double* state) {
    const Heard heard = {left, right};
    const std::int64_t bad = heard.first_bad(length);
    if (bad != FINE) return bad;
    FlushDenormals guard;
    const double fast_rise = settings[0], slow_rise = settings[1], fast_fall = settings[2], slow_fall = settings[3];
    const double attack = settings[4], sustain = settings[5], full = settings[6], smooth = settings[7];
    const auto difference = [full](double upper, double lower) {
        const double size = log2_of(upper + 1e-12) - log2_of(lower + 1e-12), dead = 0.25 * full;
        return lowest(highest(size - dead, 0.0) / (full - dead), 1.0);
    };
    for (std::int64_t i = 0; i < length; i++) {
        envelope(state[5], heard.peak_power(i), 1.0, fast_fall);
        const double power = state[5];
        envelope(state[0], power, fast_rise, slow_fall);
        envelope(state[1], power, slow_rise, slow_fall);
        envelope(state[2], power, fast_rise, fast_fall);
        envelope(state[3], power, fast_rise, slow_fall);
        const double wanted = attack * difference(state[0], state[1]) + sustain * difference(state[3], state[2]);
        state[4] += smooth * (wanted - state[4]);
        gains[i] = static_cast<float>(exp2_of(state[4]));
    }
    return FINE;
}
