// Power spectra of windowed frames that overlap, eight frames beside each other: a lane of each vector is one frame.
//
// A real frame of N samples is taken as a complex one of N / 2 points (even samples real, odd ones imaginary), put into
// bit-reversed order while it is loaded, transformed in place by steps of four (J. W. Cooley, J. W. Tukey 1965), and
// its lines are taken apart at the end (e.g. H. V. Sorensen et al., "Real-valued FFT algorithms", 1987).
#include "lanes.hpp"

namespace {

struct Point {
    v8 re, im;
};

struct Turn {
    float re, im;
};

INLINE Point operator+(Point a, Point b) { return {a.re + b.re, a.im + b.im}; }
INLINE Point operator-(Point a, Point b) { return {a.re - b.re, a.im - b.im}; }
INLINE Point turned(Point a, Turn by) { return {a.re * by.re - a.im * by.im, a.re * by.im + a.im * by.re}; }
INLINE Point quarter_back(Point a) { return {a.im, -a.re}; }

// Eight windowed frames into their places; false where all of them are silent.
INLINE bool loaded(const float* const frames[8], const float* window, std::int64_t size, const std::int32_t* places,
                   Point* points) {
    v8i any = {};
    for (std::int64_t at = 0; at < size; at += 8) {
        const v8 weights = load<v8>(window + at);
        v8 samples[8];
        for (int lane = 0; lane < 8; lane++) {
            const v8 some = load<v8>(frames[lane] + at);
            any |= bit_cast<v8i>(some);
            samples[lane] = some * weights;
        }
        transpose8(samples);
        for (int pair = 0; pair < 4; pair++)
            points[places[at / 2 + pair]] = Point{samples[2 * pair], samples[2 * pair + 1]};
    }
    std::int32_t bits = 0;
    for (int lane = 0; lane < 8; lane++) bits |= any[lane];
    return bits != 0;
}

INLINE void in_twos(Point* points, std::int64_t count) {
    for (Point* at = points; at < points + count; at += 2) {
        const Point a = at[0], b = at[1];
        at[0] = a + b;
        at[1] = a - b;
    }
}

INLINE void four(Point* at, std::int64_t apart, Point a, Point b, Point c, Point d) {
    const Point sum = a + b, difference = a - b, other = c + d, turn = quarter_back(c - d);
    at[0] = sum + other;
    at[apart] = difference + turn;
    at[2 * apart] = sum - other;
    at[3 * apart] = difference - turn;
}

// One step: from transforms of ``apart`` points to those of four times as many. ``turns`` holds three for each point.
INLINE void in_fours(Point* points, std::int64_t count, std::int64_t apart, const Turn* turns) {
    for (Point* block = points; block < points + count; block += 4 * apart)
        for (std::int64_t i = 0; i < apart; i++) {
            Point* at = block + i;
            const Turn* by = turns + 3 * i;
            const Point b = turned(at[apart], by[0]), c = turned(at[2 * apart], by[1]), d = turned(at[3 * apart], by[2]);
            four(at, apart, at[0], b, c, d);
        }
}

INLINE const Turn* transform(Point* points, std::int64_t count, const Turn* turns) {
    std::int64_t apart = 1;
    for (std::int64_t steps = count; steps > 1; steps /= 4)
        if (steps == 2) {
            in_twos(points, count);
            apart = 2;
        }
    if (apart == 1 && count >= 4) {
        for (Point* at = points; at < points + count; at += 4) four(at, 1, at[0], at[1], at[2], at[3]);
        apart = 4;
    }
    for (; apart < count; turns += 3 * apart, apart *= 4) in_fours(points, count, apart, turns);
    return turns;
}

INLINE v8 power_of_line(const Point* points, std::int64_t count, std::int64_t line, Turn by) {
    const Point a = points[line], b = points[(count - line) & (count - 1)];
    const Point even = {a.re + b.re, a.im - b.im}, odd = {a.im + b.im, b.re - a.re};
    const Point whole = even + turned(odd, by);
    return whole.re * whole.re + whole.im * whole.im;
}

}  // namespace

// Frame ``f`` begins at ``f * hop`` of ``sound``; its row of ``powers`` gets ``scale`` times the squared size of each of
// its ``size / 2 + 1`` lines. ``size`` is a power of two from 16 on; ``work`` holds 16 * (size / 2 + 1) floats.
KERNEL(spectra_powers)(const float* sound, const float* window, std::int64_t size, std::int64_t hop, std::int64_t count,
                       const std::int32_t* places, const float* turns, double scale, float* work, float* powers) {
    FlushDenormals guard;
    const std::int64_t half = size / 2, lines = half + 1;
    // Each point fills a line of the cache.
    Point* points = reinterpret_cast<Point*>((reinterpret_cast<std::uintptr_t>(work) + 63) & ~std::uintptr_t(63));
    // The lines come out doubled.
    const float factor = static_cast<float>(0.25 * scale);
    for (std::int64_t first = 0; first < count; first += 8) {
        const std::int64_t some = lowest<std::int64_t>(8, count - first);
        const float* frames[8];
        for (std::int64_t lane = 0; lane < 8; lane++) frames[lane] = sound + (first + lowest(lane, some - 1)) * hop;
        float* rows = powers + first * lines;
        if (!loaded(frames, window, size, places, points)) {
            std::memset(rows, 0, sizeof(float) * some * lines);
            continue;
        }
        const Turn* by = transform(points, half, reinterpret_cast<const Turn*>(turns));
        for (std::int64_t line = 0; line < half; line += 8) {
            v8 eight[8];
            for (std::int64_t i = 0; i < 8; i++) eight[i] = power_of_line(points, half, line + i, by[line + i]) * factor;
            transpose8(eight);
            for (std::int64_t lane = 0; lane < some; lane++) store(rows + lane * lines + line, eight[lane]);
        }
        const v8 last = points[0].re - points[0].im;
        const v8 power = last * last * (4.0f * factor);
        for (std::int64_t lane = 0; lane < some; lane++) rows[lane * lines + half] = power[lane];
    }
    return FINE;
}

// Sums over the lines [edges[b], edges[b + 1]) of each frame, in eight fixed lanes: (frames, bands).
KERNEL(spectra_bands)(const float* powers, std::int64_t frames, std::int64_t lines, const std::int64_t* edges,
                      std::int64_t bands, float* sums) {
    for (std::int64_t frame = 0; frame < frames; frame++, powers += lines)
        for (std::int64_t band = 0; band < bands; band++, sums++) {
            std::int64_t line = edges[band];
            v8 lanes = {};
            for (; line + 8 <= edges[band + 1]; line += 8) lanes += load<v8>(powers + line);
            float sum = 0;
            for (; line < edges[band + 1]; line++) sum += powers[line];
            for (int lane = 0; lane < 8; lane++) sum += lanes[lane];
            *sums = sum;
        }
    return FINE;
}
