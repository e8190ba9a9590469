// Where synthetic sound begins: pitch curves, band-limited oscillators, FM pairs, noise, crackle, modes, strings.
// Sounds are float64 (left, right) planes that each source adds to; frequencies come as cycles a sample ("step").
#include "synth.hpp"

namespace {

constexpr int REACH = 16;    // samples a band-limited step rings on each side
constexpr int PHASES = 128;  // fractions of a sample it is tabulated for
constexpr int TAPS = 2 * REACH;

// Bessel I0 by its power series, of the square root of what is passed (the window needs no root then).
double bessel_i0_of_root(double square) {
    double sum = 1.0, term = 1.0;
    for (int k = 1; k < 40; k++) {
        term *= square * 0.25 / (double(k) * double(k));
        sum += term;
    }
    return sum;
}

// Kaiser-windowed sinc at ``x`` samples: passes to 0.36 of the rate, 70 dB down from half the rate on.
double windowed_sinc(double x) {
    constexpr double CUTOFF = 0.86, BETA = 7.0, PI = 3.14159265358979324;
    const double place = x / REACH;
    if (place <= -1.0 || place >= 1.0) return 0.0;
    const double window = bessel_i0_of_root(BETA * BETA * (1.0 - place * place)) / bessel_i0_of_root(BETA * BETA);
    const double turns = 0.5 * CUTOFF * x;
    return window * (magnitude(turns) < 1e-9 ? CUTOFF : sin_turns(turns) / (PI * x));
}

// Adds ``jump`` times (band-limited step - plain step) around the sample that lies ``late`` samples after the jump.
INLINE void soften(double* plane, std::int64_t length, std::int64_t at, double late, double jump, const double* table) {
    const double place = lowest(highest(late, 0.0), 1.0) * PHASES;
    const std::int64_t row = lowest(std::int64_t(place), std::int64_t(PHASES - 1));
    const double part = place - double(row);
    const double *below = table + row * TAPS, *above = below + TAPS;
    const std::int64_t first = highest(std::int64_t(0), REACH - at), last = lowest(std::int64_t(TAPS), length - at + REACH);
    double* out = plane + at - REACH;
    for (std::int64_t k = first; k < last; k++) out[k] += jump * (below[k] + part * (above[k] - below[k]));
}

}  // namespace

// The residual of a band-limited step, (PHASES + 1) rows of TAPS: the technique of Stilson and Smith 1996, with a
// linear-phase kernel. Row p, column k: the value k - REACH + p / PHASES samples after the jump.
KERNEL(synth_step_table)(double* table) {
    constexpr int POINTS = TAPS * PHASES;
    double total = 0.0, before = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        const double scale = pass ? 1.0 / total : 0.0;
        total = before = 0.0;
        for (int i = 0; i <= POINTS; i++) {
            const double x = double(i) / PHASES - REACH, now = windowed_sinc(x);
            total += 0.5 * (before + now) / PHASES;
            before = now;
            // x = 0 belongs to both sides of the jump: column REACH of row 0, and column REACH - 1 of the last row.
            const int column = i / PHASES, row = i % PHASES;
            if (column < TAPS) table[row * TAPS + column] = total * scale - (x >= 0.0 ? 1.0 : 0.0);
            if (row == 0 && column > 0) table[PHASES * TAPS + column - 1] = total * scale - (x > 0.0 ? 1.0 : 0.0);
        }
    }
    return FINE;
}

// Pitch over time, in cycles a sample. ``p``: 0 step, 1 glide octaves at the start (0 = none), 2 glide samples,
// 3 vibrato octaves, 4 vibrato turns a sample, 5 samples until vibrato is full, 6/7 first sweep (times, factor a
// sample), 8/9 second sweep, 10 drift octaves, 11 drift positions a sample, 12 octaves to bend over the length,
// 13 bend curve (0 straight, 1 square), 14 vibrato start in turns.
KERNEL(synth_pitch)(double* step, std::int64_t length, const double* p, std::int64_t seed) {
    FlushDenormals guard;
    const auto octaves_at = [&](double n) {
        double octaves = 0.0;
        if (p[1] != 0.0 && n < p[2]) {
            const double left = 1.0 - n / p[2];
            octaves += p[1] * left * left * (3.0 - 2.0 * left);
        }
        if (p[3] != 0.0) {
            const double fade = lowest(n / p[5], 1.0);
            octaves += p[3] * fade * fade * sin_turns(p[4] * n + p[14]);
        }
        if (p[10] != 0.0) octaves += p[10] * wander_at(std::uint64_t(seed), n * p[11]);
        const double x = n / double(length);
        return octaves + p[12] * (x + p[13] * (x * x - x));
    };
    const bool moves = p[1] != 0.0 || p[3] != 0.0 || p[10] != 0.0 || p[12] != 0.0;
    double first = p[6], second = p[8], now = p[0], next = p[0];
    if (moves) next = p[0] * exp2_of(octaves_at(0.0));
    for (std::int64_t start = 0; start < length; start += CONTROL) {
        now = next;
        if (moves) next = p[0] * exp2_of(octaves_at(double(start + CONTROL)));
        const std::int64_t count = lowest(CONTROL, length - start);
        const double slope = (next - now) / CONTROL;
        for (std::int64_t i = 0; i < count; i++) step[start + i] = now + slope * double(i);
        if (first < 1e-9 && second < 1e-9) continue;
        for (std::int64_t i = 0; i < count; i++) {
            step[start + i] *= 1.0 + first + second;
            first *= p[7];
            second *= p[9];
        }
    }
    return first_not_finite(step, length);
}

// Adds oscillators that follow one pitch curve. ``rows`` of 6: shape (0 sine, 1 saw, 2 pulse), frequency ratio,
// start in turns, left gain, right gain, pulse width 0..1. ``plane`` is scratch of ``length``.
KERNEL(synth_oscillators)(double* left, double* right, double* plane, std::int64_t length, const double* step,
                          const double* rows, std::int64_t count, const double* table) {
    FlushDenormals guard;
    for (std::int64_t row = 0; row < count; row++) {
        const double* r = rows + row * 6;
        const double ratio = r[1], width = r[5];
        double phase = r[2];
        if (r[0] == 0.0) {
            for (std::int64_t i = 0; i < length; i++) {
                plane[i] = phase;
                phase += ratio * step[i];
                phase -= phase >= 1.0 ? 1.0 : 0.0;
            }
            for (std::int64_t i = 0; i < length; i++) plane[i] = sin_turns(plane[i]);
        } else {
            const bool pulse = r[0] == 2.0;
            for (std::int64_t i = 0; i < length; i++) plane[i] = 0.0;
            for (std::int64_t i = 0; i < length; i++) {
                const double advance = lowest(ratio * step[i], 0.49);
                plane[i] += pulse ? (phase < width ? 1.0 : -1.0) - (2.0 * width - 1.0) : 2.0 * phase - 1.0;
                const double before = phase;
                phase += advance;
                if (pulse && before < width && phase >= width)
                    soften(plane, length, i + 1, (phase - width) / advance, -2.0, table);
                if (phase >= 1.0) {
                    phase -= 1.0;
                    soften(plane, length, i + 1, phase / advance, pulse ? 2.0 : -2.0, table);
                    if (pulse && phase >= width) soften(plane, length, i + 1, (phase - width) / advance, -2.0, table);
                }
            }
        }
        for (std::int64_t i = 0; i < length; i++) left[i] += r[3] * plane[i];
        for (std::int64_t i = 0; i < length; i++) right[i] += r[4] * plane[i];
    }
    return first_not_finite(left, length);
}

// Adds a pair of sine operators (Chowning 1973): the first bends the phase of the second. ``p``: 0 carrier ratio,
// 1 modulator ratio, 2 index in turns, 3 index decay factor a sample, 4 index that stays, 5 left, 6 right gain,
// 7 modulator feedback in turns, 8 carrier decay factor a sample.
KERNEL(synth_fm)(double* left, double* right, std::int64_t length, const double* step, const double* p) {
    FlushDenormals guard;
    constexpr std::int64_t BLOCK = 256;
    double bent[BLOCK], gain[BLOCK], bend[BLOCK], depth[BLOCK];
    double carrier = 0.0, modulator = 0.0, index = p[2], level = 1.0, last = 0.0;
    for (std::int64_t start = 0; start < length; start += BLOCK) {
        const std::int64_t count = lowest(BLOCK, length - start);
        for (std::int64_t i = 0; i < count; i++) {
            bend[i] = modulator;
            bent[i] = carrier;
            gain[i] = level;
            depth[i] = index + p[4];
            carrier += p[0] * step[start + i];
            carrier -= carrier >= 1.0 ? 1.0 : 0.0;
            modulator += p[1] * step[start + i];
            modulator -= double(std::int64_t(modulator));
            index *= p[3];
            level *= p[8];
        }
        if (p[7] == 0.0) {
            for (std::int64_t i = 0; i < count; i++) bend[i] = sin_turns(bend[i]);
        } else {
            for (std::int64_t i = 0; i < count; i++) bend[i] = last = sin_turns(bend[i] + p[7] * last);
        }
        for (std::int64_t i = 0; i < count; i++) bent[i] = sin_turns(bent[i] + depth[i] * bend[i]) * gain[i];
        for (std::int64_t i = 0; i < count; i++) left[start + i] += p[5] * bent[i];
        for (std::int64_t i = 0; i < count; i++) right[start + i] += p[6] * bent[i];
    }
    return first_not_finite(left, length);
}

// Adds noise: white, or falling by about 3 dB an octave where ``pink`` is not 0 but 48000 / rate. ``width`` 0 is mono,
// 1 two unrelated sides.
KERNEL(synth_noise)(double* left, double* right, std::int64_t length, double gain, double width, double pink,
                    std::int64_t seed) {
    FlushDenormals guard;
    const std::uint64_t middle_seed = scrambled(std::uint64_t(seed), 1), side_seed = scrambled(std::uint64_t(seed), 2);
    double middle_state[3] = {}, side_state[3] = {};
    // Three one-pole low-passes, more than an octave apart, add up to the slope; found by fitting at 48 kHz, within 1 dB.
    constexpr double POLES[3] = {0.9968, 0.9630, 0.5700}, SHARES[3] = {0.0990, 0.2965, 1.0527};
    double poles[3], shares[3];
    for (int k = 0; k < 3; k++) {
        poles[k] = exp2_of(log2_of(POLES[k]) * pink);
        shares[k] = SHARES[k] * (1.0 - poles[k]) / (1.0 - POLES[k]);
    }
    const auto tinted = [&](double x, double* s) {
        double sum = 0.1848 * x;
        for (int k = 0; k < 3; k++) sum += s[k] = poles[k] * s[k] + shares[k] * x;
        return 0.25 * sum;
    };
    for (std::int64_t i = 0; i < length; i++) {
        double middle = noise_at(middle_seed, std::uint64_t(i));
        double side = width > 0.0 ? noise_at(side_seed, std::uint64_t(i)) : 0.0;
        if (pink > 0.0) {
            middle = tinted(middle, middle_state);
            side = tinted(side, side_state);
        }
        left[i] += gain * (middle * (1.0 - 0.3 * width) + side * 0.7 * width);
        right[i] += gain * (middle * (1.0 - 0.3 * width) - side * 0.7 * width);
    }
    return first_not_finite(left, length);
}

// Adds the dust of a record: single-sample impulses, ``density`` a sample, many small and few large, each somewhere
// between left and right.
KERNEL(synth_crackle)(double* left, double* right, std::int64_t length, double gain, double density,
                      std::int64_t seed) {
    const std::uint64_t s = std::uint64_t(seed);
    for (std::int64_t i = 0; i < length; i++) {
        const double chance = uniform_at(s, std::uint64_t(i));
        if (chance >= density) continue;
        const double rank = chance / density, place = noise_at(s ^ 0x5DEECE66Dull, std::uint64_t(i));
        const double size = gain * (0.04 + 0.96 * rank * rank * rank * rank * rank * rank * rank * rank);
        const double sign = scrambled(s, std::uint64_t(i)) & 1 ? size : -size;
        left[i] += sign * (1.0 - 0.5 * place);
        right[i] += sign * (1.0 + 0.5 * place);
    }
    return FINE;
}

// Adds decaying sine partials (a modal bank). ``rows`` of 6: step, decay factor a sample, left gain, right gain,
// start in turns, decay factor a sample once the gate has closed. A partial ends where it is 110 dB below its start.
KERNEL(synth_modes)(double* left, double* right, std::int64_t length, const double* rows, std::int64_t count,
                    std::int64_t gate) {
    FlushDenormals guard;
    for (std::int64_t row = 0; row < count; row++) {
        const double* r = rows + row * 6;
        if (r[0] >= 0.47) continue;
        std::int64_t position = 0;
        double level = 1.0;
        double turns = r[4];
        for (int part = 0; part < 2; part++) {
            const double decay = part ? r[5] : r[1];
            const std::int64_t end = part ? length : lowest(gate, length);
            // Four neighbouring samples side by side, all turned by four steps at once.
            v4d cosine{}, sine{};
            double size = level, angle = turns;
            for (int lane = 0; lane < 4; lane++) {
                cosine[lane] = size * cos_turns(angle);
                sine[lane] = size * sin_turns(angle);
                size *= decay;
                angle += r[0];
            }
            const double decay4 = decay * decay * decay * decay;
            const double turn_cos = decay4 * cos_turns(4.0 * r[0]), turn_sin = decay4 * sin_turns(4.0 * r[0]);
            while (position + 4 <= end && level > 3e-6) {
                const v4d out = sine;
                store(left + position, load<v4d>(left + position) + out * r[2]);
                store(right + position, load<v4d>(right + position) + out * r[3]);
                const v4d next = cosine * turn_cos - sine * turn_sin;
                sine = sine * turn_cos + cosine * turn_sin;
                cosine = next;
                level *= decay4;
                position += 4;
            }
            // The odd samples before a boundary, one by one, so that the gate closes where it should.
            if (level > 3e-6)
                for (int lane = 0; position < end; lane++, position++) {
                    left[position] += r[2] * sine[lane];
                    right[position] += r[3] * sine[lane];
                    level *= decay;
                }
            turns = r[4] + double(position) * r[0];
            turns -= double(std::int64_t(turns));
        }
    }
    return first_not_finite(left, length);
}

// Adds a plucked string: a delay line with a low-pass in its loop (Karplus and Strong 1983; tuning all-pass by Jaffe
// and Smith 1983). ``p``: 0 whole delay, 1 all-pass coefficient, 2 loop low-pass pole, 3 loop gain, 4 loop gain after
// the gate, 5 gate, 6 pluck position as a share of the period, 7 pluck low-pass pole, 8 gain, 9 hardness 0..1
// (share of noise in the pluck), 10 pickup position as a share of the period (0 = bridge). ``line`` is scratch.
KERNEL(synth_string)(double* left, double* right, std::int64_t length, double* line, const double* p,
                     std::int64_t seed) {
    FlushDenormals guard;
    const std::int64_t delay = std::int64_t(p[0]);
    double smooth = 0.0, mean = 0.0;
    const std::int64_t pluck = highest(std::int64_t(1), std::int64_t(p[6] * p[0]));
    // The shape of a string drawn aside at the pluck position, roughened by noise, then low-passed twice over.
    for (std::int64_t i = 0; i < delay; i++) {
        const double drawn = i < pluck ? double(i) / double(pluck) : double(delay - i) / double(delay - pluck);
        const double slope = i < pluck ? 1.0 / double(pluck) : -1.0 / double(delay - pluck);
        const double rough = noise_at(std::uint64_t(seed), std::uint64_t(i));
        line[i] = (1.0 - p[9]) * (0.6 * (2.0 * drawn - 1.0) + 0.4 * slope * double(pluck)) + p[9] * rough;
    }
    for (int pass = 0; pass < 2; pass++)
        for (std::int64_t i = 0; i < delay; i++) {
            smooth = line[i] * (1.0 - p[7]) + smooth * p[7];
            line[i] = smooth;
        }
    for (std::int64_t i = 0; i < delay; i++) mean += line[i];
    mean /= double(delay);
    for (std::int64_t i = 0; i < delay; i++) line[i] -= mean;
    const std::int64_t pickup = std::int64_t(p[10] * p[0]);
    double state = 0.0, allpass_in = 0.0, allpass_out = 0.0;
    std::int64_t head = 0;
    for (std::int64_t i = 0; i < length; i++) {
        const double travelling = line[head];
        std::int64_t other = head + pickup;
        other -= other >= delay ? delay : 0;
        const double heard = pickup ? travelling - line[other] : travelling;
        state = travelling * (1.0 - p[2]) + state * p[2];
        allpass_out = p[1] * (state - allpass_out) + allpass_in;
        allpass_in = state;
        line[head] = allpass_out * (double(i) < p[5] ? p[3] : p[4]);
        head = head + 1 == delay ? 0 : head + 1;
        left[i] += p[8] * heard;
        right[i] += p[8] * heard;
    }
    return first_not_finite(left, length);
}
