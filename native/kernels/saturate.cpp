// Soft saturation at four times the rate. Only the difference between the curve and the straight line goes through the
// filters; added to the untouched signal it leaves a quiet signal as it is, without the filters' roll-off.
#include "mathfn.hpp"

namespace {

constexpr int PHASES = 4;
constexpr std::int64_t BLOCK = 256, MOST_TAPS = 96, ROOM = MOST_TAPS + BLOCK + 8;

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
        const double soft = tanh_of(bias_);
        const double slope = (1.0 - hardness_) * (1.0 - soft * soft) + hardness_ * (1.0 - bias_ * bias_ * (4.0 / 9.0));
        at_rest = bend(splat<v8>(bias))[0];  // by the same arithmetic, so that silence stays silent
        scale = float(1.0 / (drive_ * slope));
    }

    v8 bend(v8 u) const {
        v8 bent = tanh_of(u);
        if (hardness != 0.0f) {
            const v8 held = lowest(highest(u, splat<v8>(-1.5f)), splat<v8>(1.5f));
            bent += hardness * (held - held * held * held * (4.0f / 27.0f) - bent);
        }
        return bent;
    }

    v8 difference(v8 x) const { return ((bend(x * drive + bias) - at_rest) * scale - x) * share; }
};

}  // namespace

// bank: (4, taps), row p gives the signal p/4 of the way from in[i] to in[i + 1], laid over in[i - taps/2 + 1 ...]; taps
// is a multiple of 8, at most 96. The way down uses the same rows, mirrored. bias from 0 to 1; hardness 0 is tanh, 1 the
// cubic. dc_share: 2 pi f / rate of the DC blocker. out = in + mix * high-passed difference, taps - 1 samples late.
// State, 0 at the start: heard (taps - 1) and curved (4, taps - 1) are the last of the sound and of the bent signal; dc (1).
KERNEL(saturate)(const float* in, float* out, std::int64_t length, const float* bank, std::int64_t taps, double drive,
                 double bias, double hardness, double mix, double dc_share, float* heard, float* curved, double* dc) {
    if (taps > MOST_TAPS || taps % 8) return 0;
    const std::int64_t bad = first_not_finite(in, length);
    if (bad != FINE) return bad;
    FlushDenormals guard;
    const std::int64_t past = taps - 1;
    const std::size_t past_bytes = static_cast<std::size_t>(past) * sizeof(float);
    const Curve curve(drive, bias, hardness, 1.0 / PHASES);
    float near[ROOM] = {}, bent[PHASES][ROOM] = {}, mirrored[PHASES][MOST_TAPS];
    std::memcpy(near, heard, past_bytes);
    for (int p = 0; p < PHASES; p++) {
        std::memcpy(bent[p], curved + p * past, past_bytes);
        for (std::int64_t k = 0; k < taps; k++) mirrored[p][k] = bank[p * taps + taps - 1 - k];
    }
    const float* const rows[PHASES] = {bank, bank + taps, bank + 2 * taps, bank + 3 * taps};
    const float* const back[PHASES] = {mirrored[0], mirrored[1], mirrored[2], mirrored[3]};
    double level = dc[0];
    for (std::int64_t at = 0; at < length; at += BLOCK) {
        const std::int64_t count = lowest(BLOCK, length - at);
        std::memcpy(near + past, in + at, static_cast<std::size_t>(count) * sizeof(float));
        v8 sums[PHASES];
        for (std::int64_t i = 0; i < count; i += 8) {
            filter8({near + i, near + i, near + i, near + i}, rows, taps, sums);
            for (int p = 0; p < PHASES; p++) store(bent[p] + past + i, curve.difference(sums[p]));
        }
        for (std::int64_t i = 0; i < count; i += 8) {
            filter8({bent[0] + i, bent[1] + i, bent[2] + i, bent[3] + i}, back, taps, sums);
            const v8 change = (sums[0] + sums[1]) + (sums[2] + sums[3]);
            for (std::int64_t k = 0; k < lowest<std::int64_t>(8, count - i); k++) {
                const double x = static_cast<double>(change[k]);
                level += dc_share * (x - level);
                out[at + i + k] = static_cast<float>(near[i + k] + mix * (x - level));
            }
        }
        std::memmove(near, near + count, past_bytes);
        for (int p = 0; p < PHASES; p++) std::memmove(bent[p], bent[p] + count, past_bytes);
    }
    std::memcpy(heard, near, past_bytes);
    for (int p = 0; p < PHASES; p++) std::memcpy(curved + p * past, bent[p], past_bytes);
    dc[0] = level;
    return first_not_finite(out, length);
}
