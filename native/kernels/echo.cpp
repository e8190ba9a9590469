// A stereo delay with filtered feedback, straight or ping-pong.
#include "sides.hpp"

namespace {

// One pole up, one pole down: what a tape or bucket-brigade loop loses on every pass.
struct LoopFilter {
    double low_share, low_rest, high_share, high_rest, low, high;

    LoopFilter(double low_share_, double high_share_, const double* state)
        : low_share(low_share_), low_rest(1.0 - low_share_), high_share(high_share_), high_rest(1.0 - high_share_),
          low(state[0]), high(state[1]) {}

    double next(double x) {
        low = low_rest * low + low_share * x;               // below the low cut, taken away
        high = high_rest * high + high_share * (x - low);  // above the high cut, taken away
        return high;
    }
};

}  // namespace

// lines: (2, delay) float64, silent at the start. state: position, and both filters (low, high). Only the echoes are
// written. Returns the first guilty sample.
KERNEL(echo)(const float* left_in, const float* right_in, float* left_out, float* right_out, std::int64_t length, double* lines, std::int64_t delay, double feedback,
             double low_share, double high_share, std::int64_t ping_pong, double* state) {
    const std::int64_t bad = first_of_two(left_in, right_in, length);
    if (bad != FINE) return bad;
    FlushDenormals guard;
    std::int64_t at = static_cast<std::int64_t>(state[0]);
    LoopFilter left(low_share, high_share, state + 1), right(low_share, high_share, state + 3);
    double* line_left = lines;
    double* line_right = lines + delay;
    for (std::int64_t i = 0; i < length; i++) {
        const double in_left = left_in[i], in_right = right_in[i];
        const double echo_left = left.next(line_left[at]), echo_right = right.next(line_right[at]);
        left_out[i] = static_cast<float>(echo_left);
        right_out[i] = static_cast<float>(echo_right);
        // Ping-pong: the sum of both sides enters left, each echo of the left comes back on the right, and so on.
        line_left[at] = ping_pong ? 0.5 * (in_left + in_right) + feedback * echo_right : in_left + feedback * echo_left;
        line_right[at] = (ping_pong ? 0.0 : in_right) + feedback * (ping_pong ? echo_left : echo_right);
        at = at + 1 == delay ? 0 : at + 1;
    }
    state[0] = static_cast<double>(at);
    state[1] = left.low, state[2] = left.high, state[3] = right.low, state[4] = right.high;
    return first_of_two(left_out, right_out, length);
}
