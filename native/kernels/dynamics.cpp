// Gains over time for dynamics that a strip does not do: compressors with a memory, gates, transient shapers. One gain
// for all channels of a track; the caller multiplies. Levels are log2 of power, gains log2 of amplitude, in float64.
// What feeds back on itself goes sample by sample; logarithms and exponentials are taken four at a time in between.
#include "mathfn.hpp"

namespace {

constexpr double FLOOR = 1e-30;
constexpr std::int64_t BLOCK = 256;

using Curve = double[BLOCK];

// Calls run(at, count) for every block of a stretch.
template <class Run>
void by_blocks(std::int64_t length, Run run) {
    for (std::int64_t at = 0; at < length; at += BLOCK) run(at, lowest(BLOCK, length - at));
}

void to_levels(Curve& powers, std::int64_t count, double floor) {
    for (std::int64_t i = 0; i < count; i += 4) store(powers + i, log2_of(load<v4d>(powers + i) + floor));
}

void to_gains(const Curve& logarithms, std::int64_t count, float* gains) {
    Curve linear;
    for (std::int64_t i = 0; i < count; i += 4) store(linear + i, exp2_of(load<v4d>(logarithms + i)));
    for (std::int64_t i = 0; i < count; i++) gains[i] = static_cast<float>(linear[i]);
}

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
    Curve levels = {}, moved = {};
    by_blocks(length, [&](std::int64_t at, std::int64_t count) {
        for (std::int64_t i = 0; i < count; i++) {
            power += share * ((peak ? heard.peak_power(at + i) : heard.mean_power(at + i)) - power);
            levels[i] = power;
        }
        to_levels(levels, count, FLOOR);
        for (std::int64_t i = 0; i < count; i++) {
            const double level = levels[i] + (feedback ? 2.0 * gain : 0.0);
            const double wanted = highest(slope * over_knee(level - threshold, knee), deepest);
            approach(memory, wanted, charge, slow_release);
            approach(gain, lowest(wanted, slow_depth * memory), attack, release);
            moved[i] = gain;
        }
        to_gains(moved, count, gains + at);
    });
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
    Curve levels = {}, moved = {};
    by_blocks(length, [&](std::int64_t at, std::int64_t count) {
        for (std::int64_t i = 0; i < count; i++) {
            envelope(power, heard.peak_power(at + i), 1.0, fall);
            levels[i] = power;
        }
        to_levels(levels, count, FLOOR);
        for (std::int64_t i = 0; i < count; i++) {
            const double level = levels[i];
            if (level >= opening) open = 1.0;
            if (level >= closing && open != 0.0) left_to_hold = hold;
            else if (left_to_hold > 0.0) left_to_hold -= 1.0;
            else open = 0.0;
            const double wanted = open != 0.0 ? 0.0 : highest(slope * lowest(level - opening, 0.0), deepest);
            approach(gain, wanted, release, attack);
            moved[i] = gain;
        }
        to_gains(moved, count, gains + at);
    });
    state[0] = power, state[1] = open, state[2] = left_to_hold, state[3] = gain;
    return FINE;
}

// settings: fast rise, slow rise, fast fall, slow fall, attack gain, sustain gain (log2 of amplitude for a difference of
// ``full`` and nothing below a quarter of it), full (log2 of power), smoothing share. state: four envelopes, the gain, the
// peaks that the envelopes follow. Where the fast riser is above the slow one there is an attack; where the slow faller is
// above the fast one there is a tail.
KERNEL(transient_gain)(const float* left, const float* right, float* gains, std::int64_t length, const double* settings,
                       double* state) {
    const Heard heard = {left, right};
    const std::int64_t bad = heard.first_bad(length);
    if (bad != FINE) return bad;
    FlushDenormals guard;
    constexpr double FAINT = 1e-12;
    const double fast_rise = settings[0], slow_rise = settings[1], fast_fall = settings[2], slow_fall = settings[3];
    const double attack = settings[4], sustain = settings[5], full = settings[6], smooth = settings[7];
    const double dead = 0.25 * full, per_unit = 1.0 / (full - dead);
    double fast_riser = state[0], slow_riser = state[1], fast_faller = state[2], slow_faller = state[3];
    double gain = state[4], peaks = state[5];
    Curve attacks = {}, tails = {}, moved = {};
    by_blocks(length, [&](std::int64_t at, std::int64_t count) {
        for (std::int64_t i = 0; i < count; i++) {
            envelope(peaks, heard.peak_power(at + i), 1.0, fast_fall);
            envelope(fast_riser, peaks, fast_rise, slow_fall);
            envelope(slow_riser, peaks, slow_rise, slow_fall);
            envelope(fast_faller, peaks, fast_rise, fast_fall);
            envelope(slow_faller, peaks, fast_rise, slow_fall);
            attacks[i] = (fast_riser + FAINT) / (slow_riser + FAINT);
            tails[i] = (slow_faller + FAINT) / (fast_faller + FAINT);
        }
        to_levels(attacks, count, 0.0);
        to_levels(tails, count, 0.0);
        for (std::int64_t i = 0; i < count; i++) {
            const double rising = lowest(highest(attacks[i] - dead, 0.0) * per_unit, 1.0);
            const double falling = lowest(highest(tails[i] - dead, 0.0) * per_unit, 1.0);
            gain += smooth * (attack * rising + sustain * falling - gain);
            moved[i] = gain;
        }
        to_gains(moved, count, gains + at);
    });
    state[0] = fast_riser, state[1] = slow_riser, state[2] = fast_faller, state[3] = slow_faller;
    state[4] = gain, state[5] = peaks;
    return FINE;
}
