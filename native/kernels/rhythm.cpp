// What hearing a rhythm needs at every frame: the best row of beats, what happens on pulses, the best row of bars.
#include "kernel.hpp"
#include "mathfn.hpp"

namespace {

constexpr double LN_2 = 0.6931471805599453;

// The least i in [0, count) with the highest of ways(i), in four fixed lanes; ``best`` is that way.
struct Best {
    double way;
    std::int64_t place;
};

// score[first ... first + count) less stiffness * (log2 of the step - log2 of the period)^2; the later of equals.
INLINE Best best_way(const double* score, const double* log_steps, std::int64_t count, double log_period, double stiffness) {
    // Two times four lanes, so that one comparison need not wait for the last.
    v4d ways = v4d{} - 1e300, others = ways;
    v4i64 places = {}, other_places = {}, here = {0, 1, 2, 3};
    std::int64_t i = 0;
    for (; i + 8 <= count; i += 8, here += 8) {
        const v4d off = load<v4d>(log_steps + i) - log_period, other_off = load<v4d>(log_steps + i + 4) - log_period;
        const v4d way = load<v4d>(score + i) - stiffness * (off * off);
        const v4d other = load<v4d>(score + i + 4) - stiffness * (other_off * other_off);
        const v4i64 better = way >= ways, other_better = other >= others;
        ways = better ? way : ways;
        places = better ? here : places;
        others = other_better ? other : others;
        other_places = other_better ? here : other_places;
    }
    other_places += 4;
    Best best{-1e300, -1};
    for (int lane = 0; lane < 8 && i > 0; lane++) {
        const double way = lane < 4 ? ways[lane & 3] : others[lane & 3];
        const std::int64_t place = lane < 4 ? places[lane & 3] : other_places[lane & 3];
        if (way > best.way || (way == best.way && place > best.place)) best = {way, place};
    }
    for (; i < count; i++) {
        const double off = log_steps[i] - log_period, way = score[i] - stiffness * (off * off);
        if (way >= best.way) best = {way, i};
    }
    return best;
}

// ln(1 / (1 + e^-x)), exact for large x of either sign.
INLINE double log_chance(double x) {
    const double grown = exp2_of(-magnitude(x) / LN_2);
    return lowest(x, 0.0) - LN_2 * log2_of(1.0 + grown);
}

// Where the highest of ``count`` values is, the first of equals.
INLINE std::int64_t highest_of(const double* values, std::int64_t count) {
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < count; i++)
        if (values[i] > values[best]) best = i;
    return best;
}

// The likeliest row of bars of one length. slipped: (pulses, length + 1), whether the best way to a place was a slip, and
// last from where.
double bars(const double* chances, std::int64_t pulses, std::int64_t length, double slip_cost, double* total,
            std::int64_t* slipped, std::int64_t* places) {
    double *before = total, *now = total + length;
    for (std::int64_t place = 0; place < length; place++) before[place] = 0.0;
    for (std::int64_t pulse = 0; pulse < pulses; pulse++) {
        std::int64_t* way = slipped + pulse * (length + 1);
        const std::int64_t best = way[length] = highest_of(before, length);
        const double slip = before[best] - slip_cost;
        for (std::int64_t place = 0; place < length; place++) {
            const double stay = before[place == 0 ? length - 1 : place - 1];
            way[place] = stay < slip;
            now[place] = (stay < slip ? slip : stay) + chances[2 * pulse + (place != 0)];
        }
        double* last = before;
        before = now;
        now = last;
    }
    std::int64_t place = highest_of(before, length);
    const double score = before[place];
    for (std::int64_t pulse = pulses - 1; pulse >= 0; pulse--) {
        places[pulse] = place;
        const std::int64_t* way = slipped + pulse * (length + 1);
        place = way[place] ? way[length] : (place == 0 ? length - 1 : place - 1);
    }
    return score;
}

INLINE std::int64_t size_of(std::int64_t x) { return x < 0 ? -x : x; }

// Every ``stride``-th value less the mean of all, over their spread and a little.
INLINE void standardise(double* values, std::int64_t count, std::int64_t stride, double least) {
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < count; i++) sum += values[i * stride];
    const double mean = sum / static_cast<double>(count);
    for (std::int64_t i = 0; i < count; i++) {
        values[i * stride] -= mean;
        squares += values[i * stride] * values[i * stride];
    }
    const double spread = __builtin_sqrt(squares / static_cast<double>(count)) + least;
    for (std::int64_t i = 0; i < count; i++) values[i * stride] /= spread;
}

// 1 less the cosine of what sounds before and after the middle of three edges; 1 where either is silent.
INLINE double new_tones(const double* sums, std::int64_t first, std::int64_t middle, std::int64_t last) {
    const double *from = sums + 12 * first, *turn = sums + 12 * middle, *to = sums + 12 * last;
    double both = 0, before = 0, after = 0;
    for (int tone = 0; tone < 12; tone++) {
        const double was = turn[tone] - from[tone], is = to[tone] - turn[tone];
        both += was * is;
        before += was * was;
        after += is * is;
    }
    return 1.0 - both / highest(__builtin_sqrt(before) * __builtin_sqrt(after), 1e-18);
}

// The value at a place between two lags; 0 from the last but one on.
INLINE double between(const double* values, std::int64_t count, double lag) {
    if (lag >= static_cast<double>(count - 2)) return 0.0;
    const std::int64_t whole = static_cast<std::int64_t>(lag);
    const double rest = lag - static_cast<double>(whole);
    return values[whole] * (1.0 - rest) + values[whole + 1] * rest;
}

}  // namespace

// For each frame the score of the best row of beats that ends there, and the frame of the beat before (-1: none).
// strength, periods, score, came_from: (frames). A beat lies ``shortest`` to ``longest`` of the frame's period after the
// one before; a step costs stiffness * (log2 of step over period)^2. log_steps: log2 of most_steps, ..., 2, 1.
KERNEL(rhythm_beats)(const double* strength, const double* periods, std::int64_t frames, double shortest, double longest,
                     double stiffness, const double* log_steps, std::int64_t most_steps, double* score,
                     std::int64_t* came_from) {
    // Until a frame has its score, the octaves of its period stand there.
    std::int64_t known = 0;
    for (; known + 4 <= frames; known += 4) store(score + known, log2_of(load<v4d>(periods + known)));
    for (; known < frames; known++) score[known] = log2_of(periods[known]);
    for (std::int64_t frame = 0; frame < frames; frame++) {
        const double log_period = score[frame];
        score[frame] = strength[frame];
        came_from[frame] = -1;
        const std::int64_t nearest = highest<std::int64_t>(1, static_cast<std::int64_t>(periods[frame] * shortest));
        const std::int64_t farthest = lowest(lowest(frame, most_steps), static_cast<std::int64_t>(periods[frame] * longest));
        if (farthest < nearest) continue;
        const std::int64_t first = frame - farthest;
        const Best best = best_way(score + first, log_steps + (most_steps - farthest), farthest - nearest + 1,
                                   log_period, stiffness);
        if (best.way <= 0.0) continue;
        score[frame] += best.way;
        came_from[frame] = first + best.place;
    }
    return FINE;
}

// For each of ``counts`` lengths the likeliest row of bars of so many pulses (Viterbi); a bar may be broken off anywhere at
// the cost of a slip. log_odds: (pulses), that a bar begins there. chances: 2 * pulses, total: 2 * the longest, slipped:
// pulses * (the longest + 1) to work in. scores: (counts), sums of the pulses' log-likelihoods less the slips'; places:
// (counts, pulses), 0 being the bar line.
KERNEL(rhythm_bars)(const double* log_odds, std::int64_t pulses, const std::int64_t* lengths, std::int64_t counts,
                    double slip_cost, double* chances, double* total, std::int64_t* slipped, double* scores,
                    std::int64_t* places) {
    for (std::int64_t pulse = 0; pulse < pulses; pulse++) {
        chances[2 * pulse] = log_chance(log_odds[pulse]);
        chances[2 * pulse + 1] = log_chance(-log_odds[pulse]);
    }
    for (std::int64_t i = 0; i < counts; i++, places += pulses)
        scores[i] = bars(chances, pulses, lengths[i], slip_cost, total, slipped, places);
    return FINE;
}

// The strongest of each register within ``reach`` frames of each place. registers: (frames, 4); strongest: (places, 4).
KERNEL(rhythm_strongest)(const double* registers, std::int64_t frames, const std::int64_t* places, std::int64_t count,
                         std::int64_t reach, double* strongest) {
    for (std::int64_t i = 0; i < count; i++) {
        v4d most = {};
        for (std::int64_t by = -reach; by <= reach; by++) {
            const std::int64_t frame = lowest(highest<std::int64_t>(places[i] + by, 0), frames - 1);
            most = highest(most, load<v4d>(registers + 4 * frame));
        }
        store(strongest + 4 * i, most);
    }
    return FINE;
}

// How much treble and bass differ before and after each place, 0 (as before) to 1: news (places, 4), treble over the near
// and the far span, then bass. treble, bass: (frames + 1, 12), running sums of the pitch classes; edges: (places, 5),
// rising frames: far and near start, the place, near and far end.
KERNEL(rhythm_new_tones)(const double* treble, const double* bass, const std::int64_t* edges, std::int64_t count,
                         double* news) {
    for (std::int64_t i = 0; i < count; i++, edges += 5, news += 4)
        for (int span = 1; span <= 2; span++) {
            news[span - 1] = new_tones(treble, edges[2 - span], edges[2], edges[2 + span]);
            news[span + 1] = new_tones(bass, edges[2 - span], edges[2], edges[2 + span]);
        }
    return FINE;
}

// The log-odds of each pulse that a bar begins there, by a linear model. strongest: (pulses, 4) and news: (pulses, 4) are
// its eight figures, the former by their roots, all relative to their mean and their spread (plus ``least``). Beats and the
// middles after them take turns; weights: (2 * context + 1, 16), for the pulses of the same kind from so many before to as
// many after, eight for each and eight for the pulse that follows it. Beyond the ends the row is reflected, or where it is
// too short goes on with its ends. figures: (pulses, 8) to work in.
KERNEL(rhythm_line_odds)(const double* strongest, const double* news, std::int64_t pulses, const double* weights,
                         std::int64_t context, double bias, double least, double* figures, double* odds) {
    for (std::int64_t pulse = 0; pulse < pulses; pulse++)
        for (int i = 0; i < 4; i++) {
            figures[8 * pulse + i] = __builtin_sqrt(strongest[4 * pulse + i]);
            figures[8 * pulse + 4 + i] = news[4 * pulse + i];
        }
    for (int i = 0; i < 8; i++) standardise(figures + i, pulses, 8, least);
    const std::int64_t beats = pulses / 2;
    for (std::int64_t pulse = 0; pulse < pulses; pulse++) {
        v4d sums = {};
        for (std::int64_t by = -context; by <= context; by++) {
            std::int64_t beat = pulse / 2 + by;
            if (beats > context) beat = beats - 1 - size_of(beats - 1 - size_of(beat));
            else beat = lowest(highest<std::int64_t>(beat, 0), beats - 1);
            const std::int64_t here = 2 * beat + pulse % 2, next = here + 1 < pulses ? here + 1 : pulses - 2;
            const double* weight = weights + 16 * (by + context);
            for (int i = 0; i < 8; i += 4) {
                sums += load<v4d>(weight + i) * load<v4d>(figures + 8 * here + i);
                sums += load<v4d>(weight + 8 + i) * load<v4d>(figures + 8 * next + i);
            }
        }
        odds[pulse] = bias + ((sums[0] + sums[2]) + (sums[1] + sums[3]));
    }
    return FINE;
}

// The highest of each column between two rows (both included), for each pair of rows. values: (rows, columns).
KERNEL(rhythm_highest)(const double* values, std::int64_t columns, const std::int64_t* firsts, const std::int64_t* lasts,
                       std::int64_t count, double* highs) {
    for (std::int64_t i = 0; i < count; i++, highs += columns)
        for (std::int64_t column = 0; column < columns; column++) {
            const double* at = values + firsts[i] * columns + column;
            double most = *at;
            for (std::int64_t row = firsts[i]; row < lasts[i]; row++) most = highest(most, *(at += columns));
            highs[column] = most;
        }
    return FINE;
}

// Each period becomes the one that its multiples agree on: of once, twice and four times its lag the highest within
// ``lean`` of it, by a parabola, as long as that lies inside. correlation: (lags); periods: (count), changed.
KERNEL(rhythm_refine)(const double* correlation, std::int64_t lags, double lean, std::int64_t count, double* periods) {
    for (std::int64_t i = 0; i < count; i++)
        for (double multiple = 1; multiple <= 4; multiple *= 2) {
            const double lag = periods[i] * multiple, last = lag * (1 + lean);
            const std::int64_t low = static_cast<std::int64_t>(lag * (1 - lean));
            const std::int64_t high = static_cast<std::int64_t>(last) + (last > static_cast<double>(static_cast<std::int64_t>(last)));
            if (high >= lags - 1 || low < 2) break;
            const std::int64_t top = low + highest_of(correlation + low, high - low + 1);
            const double before = correlation[top - 1], at = correlation[top], after = correlation[top + 1];
            const double bend = before - 2 * at + after;
            const double offset = bend < 0 ? lowest(highest(0.5 * (before - after) / bend, -0.5), 0.5) : 0.0;
            periods[i] = (static_cast<double>(top) + offset) / multiple;
        }
    return FINE;
}

// The best path of a period through windows (Viterbi), as numbers of ``grid``. correlations: (windows, lags); grid:
// (count), periods in lags; a period scores the correlation at once, twice and four times its lag, over the spread of all
// scores, and each step along the grid costs stiffness times its square. scores: (windows, count), total: 2 * count,
// came_from: (windows, count) to work in; path: (windows).
KERNEL(rhythm_drift)(const double* correlations, std::int64_t windows, std::int64_t lags, const double* grid,
                     std::int64_t count, double stiffness, double* scores, double* total, std::int64_t* came_from,
                     std::int64_t* path) {
    double sum = 0, squares = 0;
    const double all = static_cast<double>(windows * count);
    for (std::int64_t i = 0; i < windows * count; i++) {
        const double *row = correlations + i / count * lags, lag = grid[i % count];
        scores[i] = between(row, lags, lag) + between(row, lags, 2 * lag) + between(row, lags, 4 * lag);
        sum += scores[i];
    }
    for (std::int64_t i = 0; i < windows * count; i++) squares += (scores[i] - sum / all) * (scores[i] - sum / all);
    const double spread = highest(__builtin_sqrt(squares / all), 1e-9);
    double *before = total, *now = total + count;
    for (std::int64_t to = 0; to < count; to++) before[to] = scores[to] / spread;
    for (std::int64_t window = 1; window < windows; window++) {
        for (std::int64_t to = 0; to < count; to++) {
            std::int64_t best = 0;
            double way = -1e300;
            for (std::int64_t from = 0; from < count; from++) {
                const double step = static_cast<double>(to - from), total_here = before[from] - stiffness * (step * step);
                if (total_here > way) way = total_here, best = from;
            }
            came_from[window * count + to] = best;
            now[to] = way + scores[window * count + to] / spread;
        }
        double* last = before;
        before = now;
        now = last;
    }
    std::int64_t place = highest_of(before, count);
    for (std::int64_t window = windows - 1; window >= 0; window--) {
        path[window] = place;
        if (window > 0) place = came_from[window * count + place];
    }
    return FINE;
}
