// What the meters need of every sample: K-weighted energy, sums for level and correlation, inter-sample peaks.
#include "interpolate.hpp"

namespace {

using v2d = double __attribute__((vector_size(16)));

// One second-order section, transposed direct form II; two channels share a vector.
struct Section {
    double b0, b1, b2, a1, a2;
};

INLINE v2d step(const Section& c, v2d x, v2d& s1, v2d& s2) {
    const v2d y = x * c.b0 + s1;
    s1 = (x * c.b1 + s2) - y * c.a1;
    s2 = x * c.b2 - y * c.a2;
    return y;
}

INLINE float absolute_of(float x) { return x < 0 ? -x : x; }

INLINE Section section(const double* c) { return {c[0], c[1], c[2], c[3], c[4]}; }

}  // namespace

// Adds the energy of each hop of ``hop`` samples. ``filled`` samples of the first hop came with earlier blocks.
// state: 5 doubles a channel (4 of the filters, 1 energy so far). energies: (channels, capacity), whole hops only.
KERNEL(meter_k_energy)(const float* in, std::int64_t channels, std::int64_t length, const double* sections,
                       double* state, std::int64_t filled, std::int64_t hop, double* energies,
                       std::int64_t capacity) {
    const std::int64_t bad = first_not_finite(in, channels * length);
    if (bad != FINE) return bad % length;
    FlushDenormals guard;
    const Section shelf = section(sections), high_pass = section(sections + 5);
    for (std::int64_t channel = 0; channel < channels; channel += 2) {
        const std::int64_t other = lowest(channel + 1, channels - 1);
        const float *left = in + channel * length, *right = in + other * length;
        double *mine = state + 5 * channel, *its = state + 5 * other;
        v2d s[5];
        for (int k = 0; k < 5; k++) s[k] = v2d{mine[k], its[k]};
        std::int64_t position = filled, made = 0;
        for (std::int64_t i = 0; i < length; i++) {
            const v2d x = {left[i], right[i]};
            const v2d y = step(high_pass, step(shelf, x, s[0], s[1]), s[2], s[3]);
            s[4] += y * y;
            if (++position < hop) continue;
            energies[channel * capacity + made] = s[4][0];
            energies[other * capacity + made++] = s[4][1];
            s[4] = v2d{};
            position = 0;
        }
        for (int k = 0; k < 5; k++) {
            mine[k] = s[k][0];
            if (other != channel) its[k] = s[k][1];
        }
    }
    return FINE;
}

// Carries on sums over a channel pair (mono: the same channel twice). sums: peak, sum of squares and sum of each; sum of
// products. Eight lanes, whose order of additions depends on the position alone, so that block sizes do not matter:
// lane k takes the samples k, k + 8 ... counted from ``position``. lanes: (7, 8).
KERNEL(meter_sums)(const float* first, const float* second, std::int64_t length, std::int64_t position, double* lanes) {
    double* rows[7];
    for (int row = 0; row < 7; row++) rows[row] = lanes + 8 * row;
    const auto add = [&](std::int64_t i, std::int64_t lane) {
        const double a = first[i], b = second[i];
        rows[0][lane] = highest(rows[0][lane], a < 0 ? -a : a);
        rows[1][lane] = highest(rows[1][lane], b < 0 ? -b : b);
        rows[2][lane] += a * a;
        rows[3][lane] += b * b;
        rows[4][lane] += a * b;
        rows[5][lane] += a;
        rows[6][lane] += b;
    };
    std::int64_t i = 0;
    for (; i < length && (position + i) % 8 != 0; i++) add(i, (position + i) % 8);
    double held[7][8];
    std::memcpy(held, lanes, sizeof held);
    for (; i + 8 <= length; i += 8)
        for (int lane = 0; lane < 8; lane++) {
            const double a = first[i + lane], b = second[i + lane];
            held[0][lane] = highest(held[0][lane], a < 0 ? -a : a);
            held[1][lane] = highest(held[1][lane], b < 0 ? -b : b);
            held[2][lane] += a * a;
            held[3][lane] += b * b;
            held[4][lane] += a * b;
            held[5][lane] += a;
            held[6][lane] += b;
        }
    std::memcpy(lanes, held, sizeof held);
    for (; i < length; i++) add(i, (position + i) % 8);
    return FINE;
}

// Adds the squared size of each complex value of ``rows`` spectra to ``power``.
KERNEL(meter_add_power)(const double* spectra, std::int64_t rows, std::int64_t lines, double* power) {
    for (std::int64_t row = 0; row < rows; row++, spectra += 2 * lines)
        for (std::int64_t k = 0; k < lines; k++) {
            const double real = spectra[2 * k], imaginary = spectra[2 * k + 1];
            power[k] += real * real + imaginary * imaginary;
        }
    return FINE;
}

// The peak, on samples and between them, of each ``block`` (a multiple of 8) positions of [start, end) of one channel.
KERNEL(meter_block_peaks)(const float* in, std::int64_t length, std::int64_t start, std::int64_t end,
                          const float* weights, std::int64_t phases, std::int64_t taps, std::int64_t block,
                          float* peaks) {
    const Bank bank = {weights, phases, taps};
    for (std::int64_t from = start; from < end; from += block, peaks++) {
        v8 peak = {};
        const std::int64_t to = lowest(from + block, end);
        for (std::int64_t i = from; i < to; i += 8) {
            v8 found = peaks_at(in, length, i, bank);
            if (i + 8 <= length) found = highest(found, absolute(load<v8>(in + i)));
            else
                for (int lane = 0; i + lane < length; lane++) found[lane] = highest(found[lane], absolute_of(in[i + lane]));
            for (int lane = 0; lane < 8; lane++)
                if (i + lane >= to) found[lane] = 0;
            peak = highest(peak, found);
        }
        float most = 0;
        for (int lane = 0; lane < 8; lane++) most = highest(most, peak[lane]);
        *peaks = most;
    }
    return FINE;
}
