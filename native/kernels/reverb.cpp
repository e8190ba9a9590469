// A feedback delay network of 16 lines (Jot & Chaigne, AES 90, 1991) behind allpass diffusers, with early reflections.
// Line lengths breathe slowly, so that no mode rings on; each line's two shelves set the decay time by frequency.
// As no delay is shorter than a chunk of up to 32 samples, all but the shelves goes eight samples of one line at a time.
#include "lanes.hpp"
#include "mathfn.hpp"
#include "sides.hpp"

namespace {

constexpr int LINES = 16, DIFFUSERS = 4, SIDES = 2;
constexpr std::int64_t GLIDE = 32;  // lengths move in straight pieces of this many samples; also the longest chunk
constexpr std::int64_t REACH = GLIDE + 16;

enum SettingsRow {
    LOW_B0, LOW_B1, LOW_A1, HIGH_B0, HIGH_B1, HIGH_A1, IN_LEFT, IN_RIGHT, OUT_LEFT, OUT_RIGHT, SWAY_RATE, SWAY_PHASE,
    SWAY_DEPTH, ROWS
};

struct Settings {
    alignas(32) float rows[ROWS][LINES];
    explicit Settings(const double* from) {
        for (int r = 0; r < ROWS; r++)
            for (int i = 0; i < LINES; i++) rows[r][i] = static_cast<float>(from[r * LINES + i]);
    }
};

// One chunk of one signal; what lies behind the chunk's end is left from before and is never heard.
struct alignas(32) Stretch {
    float samples[GLIDE];

    v8 at(std::int64_t i) const { return load<v8>(samples + i); }
};

// A ring of past samples, by position since the beginning; ``capacity`` is a power of two.
struct Ring {
    float* samples;
    std::int64_t capacity;

    // ``count`` samples; more is copied where that is quicker.
    template <std::size_t ROOM>
    __attribute__((always_inline)) void read(std::int64_t from, std::int64_t count, float (&to)[ROOM]) const {
        const std::int64_t slot = from & (capacity - 1);
        if (slot + std::int64_t(ROOM) <= capacity) {
            for (std::size_t i = 0; i < ROOM; i += 8) store(to + i, load<v8>(samples + slot + i));
            return;
        }
        const std::int64_t first = lowest(count, capacity - slot);
        std::memset(to, 0, sizeof to);
        std::memcpy(to, samples + slot, bytes_of(first));
        std::memcpy(to + first, samples, bytes_of(count - first));
    }

    __attribute__((always_inline)) void write(std::int64_t from, std::int64_t count, const float (&values)[GLIDE]) const {
        const std::int64_t slot = from & (capacity - 1), first = lowest(count, capacity - slot);
        if (first == GLIDE) {
            for (std::int64_t i = 0; i < GLIDE; i += 8) store(samples + slot + i, load<v8>(values + i));
            return;
        }
        std::memcpy(samples + slot, values, bytes_of(first));
        std::memcpy(samples, values + first, bytes_of(count - first));
    }

    static std::size_t bytes_of(std::int64_t count) { return std::size_t(count) * sizeof(float); }
};

// How far each line reaches beyond its length, in samples from 0 to twice the depth; straight between ends of a glide.
struct Sway {
    alignas(32) float start[LINES], step[LINES];

    void aim(const double* settings, std::int64_t glide) {
        const auto row = [settings](SettingsRow r, int i) { return load<v4d>(settings + r * LINES + i); };
        for (int i = 0; i < LINES; i += 4) {
            const v4d rate = row(SWAY_RATE, i), phase = row(SWAY_PHASE, i), depth = row(SWAY_DEPTH, i);
            const v4d turns = rate * static_cast<double>(glide * GLIDE);
            const v4d from = depth * (1.0 + sin_turns(turns + phase));
            const v4d to = depth * (1.0 + sin_turns(turns + rate * static_cast<double>(GLIDE) + phase));
            store(start + i, __builtin_convertvector(from, v4f));
            store(step + i, __builtin_convertvector((to - from) / static_cast<double>(GLIDE), v4f));
        }
    }

    v8 reach(int line, std::int64_t within) const {
        v8 since = {0, 1, 2, 3, 4, 5, 6, 7};
        since += static_cast<float>(within);
        return start[line] + step[line] * since;
    }
};

// Third-order Lagrange interpolation between four neighbours; f from 0 (the second newest) to 1 (the third).
INLINE v8 between(v8 oldest, v8 older, v8 newer, v8 newest, v8 f) {
    const v8 up = f + 1.0f, down = f - 1.0f, far = f - 2.0f;
    return (f * down * far * (-1.0f / 6) * newest + up * down * far * 0.5f * newer) +
           (up * f * far * -0.5f * older + up * f * down * (1.0f / 6) * oldest);
}

// The chunk that comes out of a line: flat enough in the treble not to shorten the decay there.
INLINE void read_line(const Ring& line, std::int64_t length, std::int64_t at, std::int64_t count, const Sway& sway, int k,
                      std::int64_t within, Stretch& out) {
    const auto whole_at = [&](std::int64_t i) {
        return static_cast<std::int64_t>(sway.start[k] + sway.step[k] * static_cast<float>(within + i));
    };
    const std::int64_t furthest = highest(whole_at(0), whole_at(count - 1));
    float near[REACH];
    line.read(at - length - furthest - 2, count + 4, near);
    const v8 whole = splat<v8>(static_cast<float>(furthest));
    for (std::int64_t i = 0; i < count; i += 8) {
        const v8 reach = sway.reach(k, within + i);
        const v8i nearer = reach < whole;  // by one sample: lengths move slowly
        v8 taps[5];
        for (int tap = 0; tap < 5; tap++) taps[tap] = load<v8>(near + i + tap);
        for (int tap = 0; tap < 4; tap++) taps[tap] = nearer ? taps[tap + 1] : taps[tap];
        const v8 f = reach - (nearer ? whole - 1.0f : whole);
        store(out.samples + i, between(taps[0], taps[1], taps[2], taps[3], f));
    }
}

// One of the two first-order shelves of eight lines.
struct Shelf {
    v8 b0, b1, a1, state;

    static Shelf at(const Settings& set, SettingsRow first_row, int line, const float* state) {
        const auto row = [&](int r) { return load<v8>(set.rows[first_row + r] + line); };
        return {row(0), row(1), row(2), load<v8>(state)};
    }

    INLINE v8 next(Shelf& s, v8 x) {
        const v8 y = s.b0 * x + s.state;
        s.state = s.b1 * x - s.a1 * y;
        return y;
    }
};

// All lines through both shelves, sample after sample; the two halves wait for themselves in turn. state: (2, LINES).
INLINE void shelve(Stretch* lines, std::int64_t count, float* state, const Settings& set) {
    Shelf lows[2], highs[2];
    for (int half = 0; half < 2; half++) {
        lows[half] = Shelf::at(set, LOW_B0, 8 * half, state + 8 * half);
        highs[half] = Shelf::at(set, HIGH_B0, 8 * half, state + LINES + 8 * half);
    }
    for (std::int64_t start = 0; start < count; start += 8) {
        v8 x[2][8];
        for (int half = 0; half < 2; half++) {
            for (int k = 0; k < 8; k++) x[half][k] = lines[8 * half + k].at(start);
            transpose8(x[half]);
        }
        for (std::int64_t i = 0; i < lowest<std::int64_t>(8, count - start); i++)
            for (int half = 0; half < 2; half++) x[half][i] = Shelf::next(highs[half], Shelf::next(lows[half], x[half][i]));
        for (int half = 0; half < 2; half++) {
            transpose8(x[half]);
            for (int k = 0; k < 8; k++) store(lines[8 * half + k].samples + start, x[half][k]);
        }
    }
    for (int half = 0; half < 2; half++) {
        store(state + 8 * half, lows[half].state);
        store(state + LINES + 8 * half, highs[half].state);
    }
}

INLINE void add_and_subtract(v8& r0, v8& r1, v8& r2, v8& r3) {
    const v8 a = r0 + r1, b = r0 - r1, c = r2 + r3, d = r2 - r3;
    r0 = a + c, r1 = b + d, r2 = a - c, r3 = b - d;
}

// The 16-point Hadamard matrix, scaled to keep the energy: every line feeds every line. It is the 4-point one down the
// columns and along the rows of a square; that the square comes out transposed only renames the lines.
INLINE void mix_lines(Stretch* lines, std::int64_t count) {
    for (std::int64_t i = 0; i < count; i += 8) {
        v8 x[LINES];
        for (int k = 0; k < LINES; k++) x[k] = lines[k].at(i) * 0.25f;
        for (int k = 0; k < 4; k++) add_and_subtract(x[k], x[k + 4], x[k + 8], x[k + 12]);
        for (int k = 0; k < LINES; k += 4) add_and_subtract(x[k], x[k + 1], x[k + 2], x[k + 3]);
        for (int k = 0; k < LINES; k++) store(lines[k % 4 * 4 + k / 4].samples + i, x[k]);
    }
}

// Schroeder allpasses in series.
INLINE void diffuse(Stretch& sound, std::int64_t count, float* rings, std::int64_t capacity, const std::int64_t* lengths,
                    std::int64_t at) {
    constexpr float GAINS[DIFFUSERS] = {0.72f, 0.68f, 0.62f, 0.56f};
    for (int k = 0; k < DIFFUSERS; k++) {
        const Ring ring = {rings + k * capacity, capacity};
        Stretch delayed, entering;
        ring.read(at - lengths[k], count, delayed.samples);
        for (std::int64_t i = 0; i < count; i += 8) {
            const v8 goes_in = sound.at(i) + GAINS[k] * delayed.at(i);
            store(entering.samples + i, goes_in);
            store(sound.samples + i, delayed.at(i) - GAINS[k] * goes_in);
        }
        ring.write(at, count, entering.samples);
    }
}

INLINE void add_early(const Ring& heard, const std::int64_t* taps, const double* gains, std::int64_t tap_count,
                      std::int64_t at, std::int64_t count, Stretch& out) {
    for (std::int64_t k = 0; k < tap_count; k++) {
        Stretch delayed;
        heard.read(at - taps[k], count, delayed.samples);
        for (std::int64_t i = 0; i < count; i += 8)
            store(out.samples + i, out.at(i) + static_cast<float>(gains[k]) * delayed.at(i));
    }
}

INLINE void gather(const Stretch* lines, const float* gains, std::int64_t count, Stretch& out) {
    for (std::int64_t i = 0; i < count; i += 8) {
        v8 even = {}, odd = {};
        for (int k = 0; k < LINES; k += 2) {
            even += lines[k].at(i) * gains[k];
            odd += lines[k + 1].at(i) * gains[k + 1];
        }
        store(out.samples + i, even + odd);
    }
}

std::int64_t longest_chunk(const std::int64_t* lengths) {
    std::int64_t chunk = GLIDE;
    for (int k = 0; k < LINES; k++) chunk = lowest(chunk, lengths[k] - 1);
    for (int k = LINES; k < LINES + SIDES * DIFFUSERS; k++) chunk = lowest(chunk, lengths[k]);
    return chunk;
}

}  // namespace

// settings: (13, 16), rows as in SettingsRow. lengths: 16 lines, then 4 + 4 diffusers, each at least 3. taps, gains:
// (2, tap_count). lines: (16, capacity), filters: (2, 16), rings: (10, ring_capacity): 4 + 4 diffusers and two for the early
// reflections; capacities are powers of two, 32 and more above what is reached for. position: (1) samples done so far. All
// state starts at 0.
KERNEL(reverb)(const float* left_in, const float* right_in, float* left_out, float* right_out, std::int64_t length,
               const double* settings, const std::int64_t* lengths, const std::int64_t* taps, const double* tap_gains,
               std::int64_t tap_count, float* lines, std::int64_t capacity, float* filters, float* rings,
               std::int64_t ring_capacity, std::int64_t* position) {
    const std::int64_t bad = first_of_two(left_in, right_in, length);
    if (bad != FINE) return bad;
    FlushDenormals guard;
    const Settings set(settings);
    const std::int64_t longest = longest_chunk(lengths);
    const float* const ins[SIDES] = {left_in, right_in};
    float* const outs[SIDES] = {left_out, right_out};
    Stretch x[LINES] = {}, entering[SIDES] = {}, leaving;
    Sway sway;
    for (std::int64_t done = 0, count; done < length; done += count) {
        const std::int64_t at = position[0] + done, within = at % GLIDE;
        count = lowest(lowest(GLIDE - within, longest), length - done);
        const std::size_t bytes = std::size_t(count) * sizeof(float);
        if (done == 0 || within == 0) sway.aim(settings, at / GLIDE);
        for (int k = 0; k < LINES; k++)
            read_line({lines + k * capacity, capacity}, lengths[k], at, count, sway, k, within, x[k]);
        shelve(x, count, filters, set);
        for (int side = 0; side < SIDES; side++) {
            const Ring heard = {rings + (SIDES * DIFFUSERS + side) * ring_capacity, ring_capacity};
            std::memcpy(entering[side].samples, ins[side] + done, bytes);
            diffuse(entering[side], count, rings + side * DIFFUSERS * ring_capacity, ring_capacity,
                    lengths + LINES + side * DIFFUSERS, at);
            heard.write(at, count, entering[side].samples);
            gather(x, set.rows[side ? OUT_RIGHT : OUT_LEFT], count, leaving);
            add_early(heard, taps + side * tap_count, tap_gains + side * tap_count, tap_count, at, count, leaving);
            std::memcpy(outs[side] + done, leaving.samples, bytes);
        }
        mix_lines(x, count);
        for (int k = 0; k < LINES; k++) {
            const float from_left = set.rows[IN_LEFT][k], from_right = set.rows[IN_RIGHT][k];
            for (std::int64_t i = 0; i < count; i += 8)
                store(x[k].samples + i, x[k].at(i) + (from_left * entering[0].at(i) + from_right * entering[1].at(i)));
            Ring{lines + k * capacity, capacity}.write(at, count, x[k].samples);
        }
    }
    position[0] += length;
    return first_of_two(left_out, right_out, length);
}
