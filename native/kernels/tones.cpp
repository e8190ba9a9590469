// Spectral peaks that last: what stands out of its surroundings in spectra from which strokes and noise have been taken.
#include "kernel.hpp"
#include "mathfn.hpp"

namespace {

INLINE v8 middle_of(v8 a, v8 b, v8 c) { return highest(lowest(a, b), lowest(highest(a, b), c)); }
INLINE float middle_of(float a, float b, float c) { return highest(lowest(a, b), lowest(highest(a, b), c)); }

// Magnitudes of one frame: the middle one of three powers, its root; and the sums of all magnitudes before each line,
// where those outside count like the last. Returns the highest.
INLINE float steady(const float* before, const float* now, const float* after, std::int64_t lines, std::int64_t reach,
                    float* magnitudes, double* sums) {
    std::int64_t line = 0;
    for (; line + 8 <= lines; line += 8)
        store(magnitudes + line, middle_of(load<v8>(before + line), load<v8>(after + line), load<v8>(now + line)));
    for (; line < lines; line++) magnitudes[line] = middle_of(before[line], after[line], now[line]);
    for (line = 0; line < lines; line++) magnitudes[line] = __builtin_sqrtf(magnitudes[line]);
    float most = 0;
    double sum = 0;
    for (std::int64_t at = -reach; at < lines + reach; at++) {
        *sums++ = sum;
        const float here = magnitudes[lowest(highest<std::int64_t>(at, 0), lines - 1)];
        most = highest(most, here);
        sum += here;
    }
    *sums = sum;
    return most;
}

}  // namespace

// Peaks of frames [2, 2 + frames) of powers (frames + 4, row), of which the first ``lines`` + 1 of each row are looked at.
// A frame's magnitudes are the middle ones of itself and its neighbours two frames away. A line from ``first`` on and
// below ``lines`` is a peak where it is higher than the one before it and no lower than the next, ``above`` times the mean
// of ``reach`` lines to either side, and ``share`` of the frame's highest. magnitudes: (lines + 1), sums: (lines + 2 +
// 2 * reach) to work in. counts: (frames), how many peaks each frame has; places: their lines with fraction (a parabola
// through the logarithms); weights: the roots of their magnitudes; room in both for frames * (lines / 2 + 1).
KERNEL(tone_peaks)(const float* powers, std::int64_t frames, std::int64_t row, std::int64_t first, std::int64_t lines,
                   std::int64_t reach, double above, double share, double nothing, float* magnitudes, double* sums,
                   std::int64_t* counts, double* places, double* weights) {
    const double width = static_cast<double>(2 * reach + 1);
    for (std::int64_t frame = 0; frame < frames; frame++, powers += row) {
        const float most = steady(powers, powers + 2 * row, powers + 4 * row, lines + 1, reach, magnitudes, sums);
        const double floor = highest(share * most, nothing);
        std::int64_t found = 0;
        for (std::int64_t line = first; line < lines; line++) {
            const float here = magnitudes[line];
            if (!(here > magnitudes[line - 1] && here >= magnitudes[line + 1] && here > floor)) continue;
            if (here <= above * (sums[line + 2 * reach + 1] - sums[line]) / width) continue;
            const double low = log2_of(magnitudes[line - 1] + nothing), at = log2_of(here + nothing);
            const double high = log2_of(magnitudes[line + 1] + nothing);
            const double bend = lowest(low - 2.0 * at + high, -1e-9);
            *places++ = static_cast<double>(line) + highest(lowest(0.5 * (low - high) / bend, 0.5), -0.5);
            *weights++ = __builtin_sqrt(static_cast<double>(here));
            found++;
        }
        counts[frame] = found;
    }
    return FINE;
}
