// What shapes synthetic sound, in place on float64 (left, right) planes: envelope, filter, drive, crush, chorus; and
// the sum of voices.
#include "synth.hpp"

namespace {

using v2d = double __attribute__((vector_size(16)));

// A filter stage for both sides at once.
struct Stage {
    v2d low{}, band{}, s1{}, s2{};

    inline v2d through(v2d x, const Coefficients& c, int kind) {
        const v2d v = x - s2;
        band = c.a1 * s1 + c.a2 * v;
        low = s2 + c.a2 * s1 + c.a3 * v;
        s1 = 2.0 * band - s1;
        s2 = 2.0 * low - s2;
        return kind == 0 ? low : kind == 1 ? c.damping * band : x - c.damping * band - low;
    }
};

template <int KIND, int STAGES>
static void run_filter(double* left, double* right, std::int64_t length, const double* p) {
    const bool moves = p[4] != 0.0 || p[5] != 0.0 || p[8] != 0.0;
    Envelope e(p + 9);
    Stage stages[STAGES];
    const auto tuned_at = [&](std::int64_t i) {
        double octaves = p[5] * sin_turns(double(i) * p[6] + p[7]) + p[8] * double(i) / double(length);
        if (p[4] != 0.0) {
            double level = 0.0;
            for (std::int64_t k = 0; k < CONTROL; k++) level = e.next();
            octaves += p[4] * level;
        }
        return tuned(p[1] * exp2_of(octaves), p[2]);
    };
    Coefficients now = moves ? tuned_at(0) : tuned(p[1], p[2]), next = now;
    for (std::int64_t start = 0; start < length; start += CONTROL) {
        const std::int64_t end = lowest(start + CONTROL, length);
        if (moves) next = tuned_at(start + CONTROL);
        const Coefficients slope = {0.0, (next.a1 - now.a1) / CONTROL, (next.a2 - now.a2) / CONTROL,
                                    (next.a3 - now.a3) / CONTROL};
        Coefficients c = now;
        for (std::int64_t i = start; i < end; i++) {
            v2d x = {left[i], right[i]};
            for (int stage = 0; stage < STAGES; stage++) x = stages[stage].through(x, c, KIND);
            left[i] = x[0];
            right[i] = x[1];
            c.a1 += slope.a1;
            c.a2 += slope.a2;
            c.a3 += slope.a3;
        }
        now = next;
    }
}

template <int KIND>
static void run_stages(double* left, double* right, std::int64_t length, const double* p) {
    if (p[3] < 2.0)
        run_filter<KIND, 1>(left, right, length, p);
    else
        run_filter<KIND, 2>(left, right, length, p);
}

}  // namespace

// Multiplies by an envelope.
KERNEL(synth_envelope)(double* left, double* right, std::int64_t length, const double* envelope) {
    FlushDenormals guard;
    Envelope e(envelope);
    for (std::int64_t i = 0; i < length; i++) {
        const double level = e.next();
        left[i] *= level;
        right[i] *= level;
    }
    return first_not_finite(left, length);
}

// Tremolo: swings the level down by ``depth`` 0..1 at ``step`` turns a sample; the right side is ``ahead`` turns ahead.
KERNEL(synth_tremolo)(float* left, float* right, std::int64_t length, double depth, double step, double ahead) {
    float* sides[2] = {left, right};
    for (int side = 0; side < 2; side++) {
        const auto level_at = [&](std::int64_t i) {
            return float(1.0 - depth * (0.5 - 0.5 * cos_turns(double(i) * step + side * ahead)));
        };
        float now = level_at(0);
        for (std::int64_t start = 0; start < length; start += CONTROL) {
            const float next = level_at(start + CONTROL), slope = (next - now) / float(CONTROL);
            const std::int64_t count = lowest(CONTROL, length - start);
            for (std::int64_t i = 0; i < count; i++) sides[side][start + i] *= now + slope * float(i);
            now = next;
        }
    }
    return first_not_finite(left, length);
}

// State-variable filter with a moving cutoff. ``p``: 0 kind (0 low, 1 band of unit peak, 2 high), 1 cutoff in turns a
// sample, 2 damping (1/Q), 3 stages 1..2, 4 octaves the envelope adds, 5 octaves a sine adds, 6 its turns a sample,
// 7 its start in turns, 8 octaves added from start to end in a straight line, then the envelope.
KERNEL(synth_filter)(double* left, double* right, std::int64_t length, const double* p) {
    FlushDenormals guard;
    if (p[0] == 0.0)
        run_stages<0>(left, right, length, p);
    else if (p[0] == 1.0)
        run_stages<1>(left, right, length, p);
    else
        run_stages<2>(left, right, length, p);
    return first_not_finite(left, length);
}

// Saturation: tanh of ``gain`` times the sound pushed off centre by ``bias`` (even harmonics), level for small sounds
// kept when ``gain`` is 1. The offset that the bias brings for silence is taken out.
KERNEL(synth_drive)(double* left, double* right, std::int64_t length, double gain, double bias) {
    const double rest = tanh_of(bias);
    for (std::int64_t i = 0; i < length; i++) left[i] = tanh_of(gain * left[i] + bias) - rest;
    for (std::int64_t i = 0; i < length; i++) right[i] = tanh_of(gain * right[i] + bias) - rest;
    return first_not_finite(left, length);
}

// An old sampler: holds each value until its own clock (``step`` ticks a sample, below 1) ticks, rounded to ``levels``
// steps on each side of zero.
KERNEL(synth_crush)(double* left, double* right, std::int64_t length, double step, double levels) {
    double clock = 1.0, held_left = 0.0, held_right = 0.0;
    for (std::int64_t i = 0; i < length; i++) {
        if (clock >= 1.0) {
            clock -= 1.0;
            held_left = round_nearest(left[i] * levels) / levels;
            held_right = round_nearest(right[i] * levels) / levels;
        }
        clock += step;
        left[i] = held_left;
        right[i] = held_right;
    }
    return FINE;
}

// Ensemble: three moving taps a side, 120 degrees apart, mixed with the dry sound (the arrangement of string machines).
// ``p``: 0 wet 0..1, 1 delay in samples, 2 depth in samples, 3 turns a sample, 4 second depth, 5 second turns a sample.
// ``dry`` holds what is to be repeated, led by ``lead`` samples of silence (more than the longest delay and 4).
KERNEL(synth_chorus)(float* wet, const float* dry, std::int64_t length, std::int64_t lead, std::int64_t side,
                     const double* p) {
    FlushDenormals guard;
    constexpr std::int64_t BLOCK = 64;
    const auto delay_at = [&](std::int64_t i, int tap) {
        const double shift = double(tap) / 3.0 + (side ? 0.25 : 0.0);
        return p[1] + p[2] * sin_turns(double(i) * p[3] + shift) + p[4] * sin_turns(double(i) * p[5] + shift);
    };
    const float keep = float(1.0 - 0.5 * p[0]), share = float(0.5 * p[0]);
    double delays[3] = {delay_at(0, 0), delay_at(0, 1), delay_at(0, 2)};
    for (std::int64_t start = 0; start < length; start += BLOCK) {
        const std::int64_t count = lowest(BLOCK, length - start);
        const float* now = dry + lead + start;
        float sum[BLOCK] = {};
        for (int tap = 0; tap < 3; tap++) {
            // The whole part of the delay stands still for a block; the rest moves in a straight line, and third-order
            // Lagrange interpolation bears the little by which it may leave 0..1.
            const double next = delay_at(start + BLOCK, tap);
            const std::int64_t whole = std::int64_t(delays[tap]);
            const float first = float(delays[tap] - double(whole)), slope = float((next - delays[tap]) / BLOCK);
            const float* line = now - whole;
            for (std::int64_t i = 0; i < count; i++) {
                const float x = first + slope * float(i);
                const float a = line[i + 1], b = line[i], c = line[i - 1], d = line[i - 2];
                sum[i] += b + x * (c - (a * 2.0f + d + b * 3.0f) * (1.0f / 6.0f) +
                                   x * ((a + c) * 0.5f - b + x * ((d - a) * (1.0f / 6.0f) + (b - c) * 0.5f)));
            }
            delays[tap] = next;
        }
        for (std::int64_t i = 0; i < count; i++) wet[start + i] = now[i] * keep + sum[i] * share;
    }
    return first_not_finite(wet, length);
}

// Adds ``gain`` times a voice to the sum.
KERNEL(synth_add)(float* sum, const float* voice, std::int64_t length, double gain) {
    const float factor = float(gain);
    for (std::int64_t i = 0; i < length; i++) sum[i] += factor * voice[i];
    return FINE;
}
