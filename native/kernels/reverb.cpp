// A feedback delay network of 16 lines (Jot & Chaigne, AES 90, 1991) behind allpass diffusers, with early reflections.
// Line lengths breathe slowly, so that no mode rings on; each line's two shelves set the decay time by frequency.
#include "lanes.hpp"
#include "mathfn.hpp"
#include "sides.hpp"

namespace {

constexpr int LINES = 16, DIFFUSERS = 4, GUARD = 4;
constexpr std::int64_t GLIDE = 32;  // lengths move in straight pieces of this many samples

using Row = float[LINES];

enum SettingsRow {
    LOW_B0, LOW_B1, LOW_A1, HIGH_B0, HIGH_B1, HIGH_A1, IN_LEFT, IN_RIGHT, OUT_LEFT, OUT_RIGHT, SWAY_RATE, SWAY_PHASE,
    SWAY_DEPTH, ROWS
};

struct Settings {
    alignas(32) Row rows[ROWS];
    explicit Settings(const double* from) {
        for (int r = 0; r < ROWS; r++)
            for (int i = 0; i < LINES; i++) rows[r][i] = static_cast<float>(from[r * LINES + i]);
    }
};

// How far each line reaches beyond its length, in samples from 0 to twice the depth; straight between ends of a glide.
struct Sway {
    alignas(32) Row now, step;

    void aim(const double* settings, std::int64_t glide) {
        for (int i = 0; i < LINES; i++) {
            const double rate = settings[SWAY_RATE * LINES + i], phase = settings[SWAY_PHASE * LINES + i];
            const double depth = settings[SWAY_DEPTH * LINES + i], turns = rate * static_cast<double>(glide * GLIDE);
            const double from = depth * (1.0 + sin_turns(turns + phase));
            const double to = depth * (1.0 + sin_turns(turns + rate * GLIDE + phase));
            now[i] = static_cast<float>(from);
            step[i] = static_cast<float>((to - from) / GLIDE);
        }
    }
};

// Third-order Lagrange interpolation around delay + sway: flat enough in the treble not to shorten the decay there.
INLINE void read_lines(const float* lines, std::int64_t capacity, const std::int64_t* lengths, std::int64_t at,
                       const Row& sway, Row& out) {
    alignas(32) Row newest, newer, older, oldest;
    std::int32_t whole[LINES];
    for (int i = 0; i < LINES; i++) {
        whole[i] = static_cast<std::int32_t>(sway[i]);
        const float f = sway[i] - static_cast<float>(whole[i]), up = f + 1.0f, down = f - 1.0f, far = f - 2.0f;
        newest[i] = f * down * far * (-1.0f / 6);
        newer[i] = up * down * far * 0.5f;
        older[i] = up * f * far * -0.5f;
        oldest[i] = up * f * down * (1.0f / 6);
    }
    for (int i = 0; i < LINES; i += 4) {
        v4f taps[4];
        for (int k = 0; k < 4; k++) {
            const std::int64_t first = at - lengths[i + k] - whole[i + k] - 2;
            taps[k] = load<v4f>(lines + (i + k) * (capacity + GUARD) + (first & (capacity - 1)));
        }
        transpose4(taps);
        store(out + i, (taps[3] * load<v4f>(newest + i) + taps[2] * load<v4f>(newer + i)) +
                           (taps[1] * load<v4f>(older + i) + taps[0] * load<v4f>(oldest + i)));
    }
}

INLINE void write_lines(float* lines, std::int64_t capacity, std::int64_t at, const Row& in) {
    const std::int64_t slot = at & (capacity - 1);
    for (int i = 0; i < LINES; i++) {
        float* line = lines + i * (capacity + GUARD);
        line[slot] = in[i];
        if (slot < GUARD) line[capacity + slot] = in[i];
    }
}

INLINE void shelve(Row& x, float* state, const Row& b0, const Row& b1, const Row& a1) {
    for (int i = 0; i < LINES; i++) {
        const float y = b0[i] * x[i] + state[i];
        state[i] = b1[i] * x[i] - a1[i] * y;
        x[i] = y;
    }
}

INLINE void add_and_subtract(v4f (&r)[4]) {
    const v4f a = r[0] + r[1], b = r[0] - r[1], c = r[2] + r[3], d = r[2] - r[3];
    r[0] = a + c, r[1] = b + d, r[2] = a - c, r[3] = b - d;
}

// The 16-point Hadamard matrix, scaled to keep the energy: every line feeds every line. It is the 4-point one down the
// columns and along the rows of a square; that the square comes out transposed only renames the lines.
INLINE void mix_lines(Row& x) {
    v4f square[4];
    for (int k = 0; k < 4; k++) square[k] = load<v4f>(x + 4 * k) * 0.25f;
    add_and_subtract(square);
    transpose4(square);
    add_and_subtract(square);
    for (int k = 0; k < 4; k++) store(x + 4 * k, square[k]);
}

INLINE float sum_of(const Row& x, const Row& gains) {
    float lanes[8];
    for (int i = 0; i < 8; i++) lanes[i] = x[i] * gains[i] + x[i + 8] * gains[i + 8];
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

// Schroeder allpasses in series; each ring has ``capacity`` samples.
INLINE float diffuse(float x, float* rings, std::int64_t capacity, const std::int64_t* lengths, std::int64_t at) {
    constexpr float GAINS[DIFFUSERS] = {0.72f, 0.68f, 0.62f, 0.56f};
    const std::int64_t mask = capacity - 1;
    for (int k = 0; k < DIFFUSERS; k++) {
        float* ring = rings + k * capacity;
        const float delayed = ring[(at - lengths[k]) & mask];
        const float entering = x + GAINS[k] * delayed;
        ring[at & mask] = entering;
        x = delayed - GAINS[k] * entering;
    }
    return x;
}

INLINE float early(const float* ring, std::int64_t capacity, const std::int64_t* taps, const double* gains, std::int64_t count,
            std::int64_t at) {
    float sum = 0;
    for (std::int64_t k = 0; k < count; k++) sum += static_cast<float>(gains[k]) * ring[(at - taps[k]) & (capacity - 1)];
    return sum;
}

}  // namespace

// settings: (13, 16), rows as in SettingsRow. lengths: 16 lines, then 4 + 4 diffusers. taps, gains:
// (2, tap_count). lines: (16, capacity + 4), filters: (2, 16), rings: (10, ring_capacity): 4 + 4 diffusers and two for
// the early reflections; capacities are powers of two. position: (1) samples done so far. All state starts at 0.
KERNEL(reverb)(const float* left_in, const float* right_in, float* left_out, float* right_out, std::int64_t length,
               const double* settings, const std::int64_t* lengths, const std::int64_t* taps, const double* tap_gains, std::int64_t tap_count, float* lines,
               std::int64_t capacity, float* filters, float* rings, std::int64_t ring_capacity, std::int64_t* position) {
    const std::int64_t bad = first_of_two(left_in, right_in, length);
    if (bad != FINE) return bad;
    FlushDenormals guard;
    const Settings set(settings);
    const auto& rows = set.rows;
    Sway sway;
    float* heard_left = rings + 8 * ring_capacity;
    float* heard_right = rings + 9 * ring_capacity;
    for (std::int64_t i = 0; i < length; i++) {
        const std::int64_t at = position[0] + i, within = at % GLIDE;
        if (i == 0 || within == 0) sway.aim(settings, at / GLIDE);
        alignas(32) Row reach, x;
        for (int k = 0; k < LINES; k++) reach[k] = sway.now[k] + sway.step[k] * static_cast<float>(within);
        const float left = diffuse(left_in[i], rings, ring_capacity, lengths + LINES, at);
        const float right =
            diffuse(right_in[i], rings + DIFFUSERS * ring_capacity, ring_capacity, lengths + LINES + DIFFUSERS, at);
        heard_left[at & (ring_capacity - 1)] = left;
        heard_right[at & (ring_capacity - 1)] = right;
        read_lines(lines, capacity, lengths, at, reach, x);
        shelve(x, filters, rows[LOW_B0], rows[LOW_B1], rows[LOW_A1]);
        shelve(x, filters + LINES, rows[HIGH_B0], rows[HIGH_B1], rows[HIGH_A1]);
        left_out[i] = sum_of(x, rows[OUT_LEFT]) + early(heard_left, ring_capacity, taps, tap_gains, tap_count, at);
        right_out[i] = sum_of(x, rows[OUT_RIGHT]) +
                          early(heard_right, ring_capacity, taps + tap_count, tap_gains + tap_count, tap_count, at);
        mix_lines(x);
        for (int k = 0; k < LINES; k++) x[k] += rows[IN_LEFT][k] * left + rows[IN_RIGHT][k] * right;
        write_lines(lines, capacity, at, x);
    }
    position[0] += length;
    return first_of_two(left_out, right_out, length);
}
