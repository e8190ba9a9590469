// What shapes synthetic sound, in place on float64 (left, right) planes: envelope, filter, drive, crush, chorus; and
// the sum of voices.
#include "synth.hpp"

namespace {

constexpr std::int64_t CONTROL = 8;  // samples between two settings of a moving filter, joined by straight lines

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
    for (std::int64_t i = 0; i < length; i++)
        left[i] *= float(1.0 - depth * (0.5 - 0.5 * cos_turns(double(i) * step)));
    for (std::int64_t i = 0; i < length; i++)
        right[i] *= float(1.0 - depth * (0.5 - 0.5 * cos_turns(double(i) * step + ahead)));
    return first_not_finite(left, length);
}

// State-variable filter with a moving cutoff. ``p``: 0 kind (0 low, 1 band of unit peak, 2 high), 1 cutoff in turns a
// sample, 2 damping (1/Q), 3 stages 1..4, 4 octaves the envelope adds, 5 octaves a sine adds, 6 its turns a sample,
// 7 its start in turns, 8 octaves added from start to end in a straight line, then the envelope.
KERNEL(synth_filter)(double* left, double* right, std::int64_t length, const double* p) {
    FlushDenormals guard;
    const int kind = int(p[0]), stages = int(p[3]);
    const bool moves = p[4] != 0.0 || p[5] != 0.0 || p[8] != 0.0;
    Envelope e(p + 9);
    Pole2 poles[2][4];
    const auto octaves_at = [&](std::int64_t i) {
        double octaves = p[5] * sin_turns(double(i) * p[6] + p[7]) + p[8] * double(i) / double(length);
        if (p[4] != 0.0) {
            double level = 0.0;
            for (std::int64_t k = 0; k < CONTROL; k++) level = e.next();
            octaves += p[4] * level;
        }
        return octaves;
    };
    Coefficients now = tuned(p[1] * (moves ? exp2_of(octaves_at(0)) : 1.0), p[2]), next = now;
    for (std::int64_t start = 0; start < length; start += CONTROL) {
        const std::int64_t end = lowest(start + CONTROL, length);
        if (moves) next = tuned(p[1] * exp2_of(octaves_at(start + CONTROL)), p[2]);
        const Coefficients slope = {0.0, (next.a1 - now.a1) / CONTROL, (next.a2 - now.a2) / CONTROL,
                                    (next.a3 - now.a3) / CONTROL};
        Coefficients c = now;
        for (std::int64_t i = start; i < end; i++) {
            double sides[2] = {left[i], right[i]};
            for (int stage = 0; stage < stages; stage++)
                for (int side = 0; side < 2; side++) {
                    Pole2& pole = poles[side][stage];
                    const double x = sides[side];
                    pole.feed(x, c);
                    sides[side] = kind == 0 ? pole.low : kind == 1 ? c.damping * pole.band : pole.high(x, c);
                }
            left[i] = sides[0];
            right[i] = sides[1];
            c.a1 += slope.a1;
            c.a2 += slope.a2;
            c.a3 += slope.a3;
        }
        now = next;
    }
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
// ``lines`` is scratch of 2 x ``size`` (a power of two larger than delay + both depths + 4), zeroed by the caller.
KERNEL(synth_chorus)(float* left, float* right, std::int64_t length, double* lines, std::int64_t size,
                     const double* p) {
    FlushDenormals guard;
    const std::int64_t mask = size - 1;
    float* sides[2] = {left, right};
    double places[6] = {};
    double slopes[6] = {};
    const auto place_at = [&](std::int64_t i, int tap) {
        const double shift = double(tap % 3) / 3.0 + (tap >= 3 ? 0.25 : 0.0);
        return p[1] + p[2] * sin_turns(double(i) * p[3] + shift) + p[4] * sin_turns(double(i) * p[5] + shift);
    };
    for (std::int64_t i = 0; i < length; i++) {
        if (i % 32 == 0)
            for (int tap = 0; tap < 6; tap++) {
                places[tap] = place_at(i, tap);
                slopes[tap] = (place_at(i + 32, tap) - places[tap]) / 32.0;
            }
        for (int side = 0; side < 2; side++) {
            double* line = lines + side * size;
            const double dry = double(sides[side][i]);
            line[i & mask] = dry;
            double wet = 0.0;
            for (int tap = 3 * side; tap < 3 * side + 3; tap++) {
                const std::int64_t whole = std::int64_t(places[tap]);
                const double x = places[tap] - double(whole);
                const double a = line[(i - whole + 1) & mask], b = line[(i - whole) & mask];
                const double c = line[(i - whole - 1) & mask], d = line[(i - whole - 2) & mask];
                // Third-order Lagrange between b and c.
                wet += b + x * (c - (a * 2.0 + d + b * 3.0) / 6.0 +
                                x * ((a + c) * 0.5 - b + x * ((d - a) / 6.0 + (b - c) * 0.5)));
                places[tap] += slopes[tap];
            }
            sides[side][i] = float(dry * (1.0 - 0.5 * p[0]) + wet * p[0] * 0.5);
        }
    }
    return first_not_finite(left, length);
}

// Adds ``gain`` times a voice to the sum.
KERNEL(synth_add)(float* sum, const float* voice, std::int64_t length, double gain) {
    const float factor = float(gain);
    for (std::int64_t i = 0; i < length; i++) sum[i] += factor * voice[i];
    return FINE;
}
