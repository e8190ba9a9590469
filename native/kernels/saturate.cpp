// Soft saturation at four times the rate. Only the difference between the curve and the straight line goes through the
// filters; added to the untouched signal it leaves a quiet signal as it is, without the filters' roll-off.
#include "mathfn.hpp"

namespace {

constexpr int PHASES = 4;
constexpr std::int64_t BLOCK = 256, MOST_TAPS = 96, ROOM = BLOCK + 2 * MOST_TAPS;

// sums[p] = sum over k of rows[p][k] * in[p][i + k], eight results at once; four sums wait for themselves in turn.
INLINE void filter8(const float* const (&in)[PHASES], const float* const (&rows)[PHASES], std::int64_t taps,
                    v8 (&sums)[PHASES]) {
    v8 a = {}, b = {}, c = {}, d = {};
    for (std::int64_t k = 0; k < taps; k++) {
        a += rows[0][k] * load<v8>(in[0] + k);
        b += rows[1][k] * load<v8>(in[1] + k);
        c += rows[2][k] * load<v8>(in[2] + k);
        d += rows[3][k] * load<v8>(in[3] + k);
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

// A curve of slope 1 at its working point, minus the straight line, times ``share``. The cubic stops at 3/2 with 1.
struct Curve {
    float drive, bias, hardness, at_rest, scale, share;

    Curve(double drive_, double bias_, double hardness_, double share_)
        : drive(float(drive_)), bias(float(bias_)), hardness(float(hardness_)), share(float(share_)) {
        const double soft = tanh_of(bias_), cubic = bias_ - bias_ * bias_ * bias_ * (4.0 / 27.0);
        const double slope = (1.0 - hardness_) * (1.0 - soft * soft) + hardness_ * (1.0 - bias_ * bias_ * (4.0 / 9.0));
        at_rest = float((1.0 - hardness_) * soft + hardness_ * cubic);
        scale = float(1.0 / (drive_ * slope));
    }

    v8 difference(v8 x) const {
        const v8 u = x * drive + bias;
        v8 bent = tanh_of(u);
        if (hardness != 0.0f) {
            const v8 held = lowest(highest(u, splat<v8>(-1.5f)), splat<v8>(1.5f));
            bent += hardness * (held - held * held * held * (4.0f / 27.0f) - bent);
        }
        return ((bent - at_rest) * scale - x) * share;
    }
};

// in[0 .. length) of a channel at ``from``; silence outside.
void fetch(const float* channel, std::int64_t channel_length, std::int64_t from, std::int64_t count, float* to) {
    for (std::int64_t i = 0; i < count; i++) {
        const std::int64_t at = from + i;
        to[i] = at < 0 || at >= channel_length ? 0.0f : channel[at];
    }
}

}  // namespace

// bank: (4, taps), row p gives the signal p/4 of the way from in[i] to in[i + 1], laid over in[i - taps/2 + 1 ...]; taps
// is a multiple of 8, at most 96. The way down uses the same rows, mirrored. bias from 0 to 1; hardness 0 is tanh, 1 the
// cubic. state: of the DC blocker (2). dc_share: its 2 pi f / rate. out = in + mix * high-passed difference.
KERNEL(saturate)(const float* in, float* out, std::int64_t length, const float* bank, std::int64_t taps, double drive,
                 double bias, double hardness, double mix, double dc_share, double* state) {
    if (taps > MOST_TAPS || taps % 8) return 0;
    const std::int64_t bad = first_not_finite(in, length);
    if (bad != FINE) return bad;
    FlushDenormals guard;
    const std::int64_t half = taps / 2;
    const Curve curve(drive, bias, hardness, 1.0 / PHASES);
    float near[ROOM + MOST_TAPS] = {}, bent[PHASES][ROOM + 8] = {}, mirrored[PHASES][MOST_TAPS];
    for (int p = 0; p < PHASES; p++)
        for (std::int64_t k = 0; k < taps; k++) mirrored[p][k] = bank[p * taps + taps - 1 - k];
    const float* const rows[PHASES] = {bank, bank + taps, bank + 2 * taps, bank + 3 * taps};
    const float* const back[PHASES] = {mirrored[0], mirrored[1], mirrored[2], mirrored[3]};
    double dc = state[0];
    for (std::int64_t at = 0; at < length; at += BLOCK) {
        const std::int64_t count = lowest(BLOCK, length - at), reach = BLOCK + taps;
        // Output i needs the bent signal at i - half .. i + half - 1, and that needs half as much again on both sides.
        const std::int64_t first = at - half;
        fetch(in, length, first - half + 1, reach + taps, near);
        v8 sums[PHASES];
        for (std::int64_t i = 0; i < reach; i += 8) {
            filter8({near + i, near + i, near + i, near + i}, rows, taps, sums);
            for (int p = 0; p < PHASES; p++) store(bent[p] + i, curve.difference(sums[p]));
        }
        for (std::int64_t i = 0; i < count; i += 8) {
            filter8({bent[0] + i, bent[1] + i, bent[2] + i, bent[3] + i}, back, taps, sums);
            const v8 change = (sums[0] + sums[1]) + (sums[2] + sums[3]);
            for (std::int64_t k = 0; k < lowest<std::int64_t>(8, count - i); k++) {
                const double x = static_cast<double>(change[k]);
                dc += dc_share * (x - dc);
                out[at + i + k] = static_cast<float>(in[at + i + k] + mix * (x - dc));
            }
        }
    }
    state[0] = dc;
    return first_not_finite(out, length);
}
