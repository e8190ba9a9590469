// The path of a pitch through the candidates of its frames, and the steps that it takes.
#include "kernel.hpp"

// Viterbi: in each frame the candidate on the path with the greatest strength less the costs of its jumps. octaves,
// strengths: (frames, candidates); an octave of -1000 says "no pitch". scores: 2 * candidates to work in; from: (frames,
// candidates); chosen: (frames). Among equals the first wins.
KERNEL(pitch_path)(const double* octaves, const double* strengths, std::int64_t frames, std::int64_t candidates,
                   double jump_cost, double voicing_cost, double* scores, std::int64_t* from, std::int64_t* chosen) {
    constexpr double NONE = -1000.0;
    double *before = scores, *now = scores + candidates;
    for (std::int64_t c = 0; c < candidates; c++) before[c] = strengths[c];
    for (std::int64_t frame = 1; frame < frames; frame++) {
        const double *was = octaves + (frame - 1) * candidates, *is = was + candidates;
        const double* strength = strengths + frame * candidates;
        for (std::int64_t c = 0; c < candidates; c++) {
            double best = 0.0;
            std::int64_t came = -1;
            for (std::int64_t b = 0; b < candidates; b++) {
                const double apart = is[c] - was[b];
                double cost = jump_cost * (apart < 0 ? -apart : apart);
                if (is[c] == NONE || was[b] == NONE) cost = is[c] == was[b] ? 0.0 : voicing_cost;
                const double total = before[b] - cost;
                if (came < 0 || total > best) {
                    best = total;
                    came = b;
                }
            }
            now[c] = best + strength[c];
            from[frame * candidates + c] = came;
        }
        double* last = before;
        before = now;
        now = last;
    }
    std::int64_t best = 0;
    for (std::int64_t c = 1; c < candidates; c++)
        if (before[c] > before[best]) best = c;
    for (std::int64_t frame = frames - 1; frame > 0; frame--) {
        chosen[frame] = best;
        best = from[frame * candidates + best];
    }
    if (frames > 0) chosen[0] = best;
    return FINE;
}

// Cuts a curve into stretches of up to ``longest`` values, so that the squared distances from their means and ``price``
// for each stretch are least in sum (R. Bellman's curve fitting by segments, 1961). sums, squares: running sums of the
// values and their squares, ``count + 1`` of them. costs: ``count + 1`` to work in; from[end]: where the stretch that
// ends there begins. Among equals the longest wins.
KERNEL(pitch_steps)(const double* sums, const double* squares, std::int64_t count, std::int64_t longest, double price,
                    double* costs, std::int64_t* from) {
    costs[0] = 0.0;
    for (std::int64_t end = 1; end <= count; end++) {
        const std::int64_t first = highest<std::int64_t>(0, end - longest);
        double least = 0.0;
        std::int64_t came = -1;
        for (std::int64_t begin = first; begin < end; begin++) {
            const double about = sums[end] - sums[begin];
            const double cost =
                costs[begin] + (squares[end] - squares[begin]) - about * about / static_cast<double>(end - begin);
            if (came < 0 || cost < least) {
                least = cost;
                came = begin;
            }
        }
        costs[end] = least + price;
        from[end] = came;
    }
    return FINE;
}
