// log2 and exp2 as gain computers need them: five and six steps shorter than those of mathfn.hpp, in float only.
// Minimax polynomials; errors 6e-8 (log2, absolute beside the exponent) and 1.5e-7 (exp2, relative): gains within 2e-6 dB.
// They take several vectors and do each step to all of them, so that the CPU need not wait for one step's end before it
// begins the next.
#pragma once
#include "mathfn.hpp"

namespace {

constexpr int TOGETHER = 4;
using Levels = v8[TOGETHER];

template <class Step>
INLINE void each(Step step) {
#pragma GCC unroll 4
    for (int k = 0; k < TOGETHER; k++) step(k);
}

// Horner's rule, highest coefficient first.
template <int N>
INLINE void polynomials(const Levels& x, const double (&coefficients)[N], Levels& sums) {
    each([&](int k) { sums[k] = splat<v8>(static_cast<float>(coefficients[0])); });
    for (int n = 1; n < N; n++) each([&](int k) { sums[k] = sums[k] * x[k] + static_cast<float>(coefficients[n]); });
}

// In place; x positive and normal.
INLINE void level_log2(Levels& x) {
    using L = LayoutOf<v8>;
    constexpr double C[] = {0.5989739101650993, 0.9614708082337184, 2.885391289372899};
    v8i exponents[TOGETHER];
    Levels squares, sums;
    each([&](int k) {
        const v8i bits = bit_cast<v8i>(x[k]);
        exponents[k] = (bits - L::SQRT_HALF) >> L::SHIFT;
        x[k] = bit_cast<v8>(bits - (exponents[k] << L::SHIFT));
    });
    each([&](int k) { x[k] = (x[k] - 1.0f) / (x[k] + 1.0f); });
    each([&](int k) { squares[k] = x[k] * x[k]; });
    polynomials(squares, C, sums);
    each([&](int k) { x[k] = sums[k] * x[k] + __builtin_convertvector(exponents[k], v8); });
}

// A constant that the compiler does not know: g++ 12 makes two instructions of a minimum with one that it knows.
INLINE v8 unknown(v8 x) {
    __asm__("" : "+m"(x));
    return x;
}

// The range of exponents; to be made once, outside of loops.
struct Exp2Range {
    v8 least = unknown(splat<v8>(LayoutOf<v8>::LOWEST_EXP2)), most = unknown(splat<v8>(LayoutOf<v8>::HIGHEST_EXP2));
};

// In place.
INLINE void gain_exp2(Levels& x, const Exp2Range& range) {
    using L = LayoutOf<v8>;
    constexpr double C[] = {0.0013264727252661822, 0.00967151278581247, 0.05550733744471459, 0.24022242083111298,
                            0.6931469775976773};
    Levels rounded, sums;
    each([&](int k) { x[k] = highest(lowest(x[k], range.most), range.least); });
    each([&](int k) { rounded[k] = x[k] + L::MAGIC; });
    each([&](int k) { x[k] -= rounded[k] - L::MAGIC; });
    polynomials(x, C, sums);
    each([&](int k) { x[k] = power_of_two(rounded[k]) * (sums[k] * x[k] + 1.0f); });
}

}  // namespace
