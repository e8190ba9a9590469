// log2 and exp2 as gain computers need them: five and six steps shorter than those of mathfn.hpp, in float only.
// Minimax polynomials; errors 6e-8 (log2, absolute beside the exponent) and 1.5e-7 (exp2, relative): gains within 2e-6 dB.
#pragma once
#include "mathfn.hpp"

namespace {

template <class F>
INLINE F level_log2(F x) {
    using L = LayoutOf<F>;
    const IntOf<F> bits = bit_cast<IntOf<F>>(x);
    const IntOf<F> exponent = (bits - L::SQRT_HALF) >> L::SHIFT;
    const F m = bit_cast<F>(bits - (exponent << L::SHIFT));
    const F s = (m - 1.0f) / (m + 1.0f);
    constexpr double C[] = {0.5989739101650993, 0.9614708082337184, 2.885391289372899};
    return polynomial(s * s, C) * s + __builtin_convertvector(exponent, F);
}

template <class F>
INLINE F gain_exp2(F x) {
    using L = LayoutOf<F>;
    x = highest(lowest(x, splat<F>(L::HIGHEST_EXP2)), splat<F>(L::LOWEST_EXP2));
    const F rounded = x + L::MAGIC;
    const F r = x - (rounded - L::MAGIC);
    constexpr double C[] = {0.0013264727252661822, 0.00967151278581247, 0.05550733744471459, 0.24022242083111298,
                            0.6931469775976773};
    return power_of_two(rounded) * (polynomial(r, C) * r + 1.0f);
}

}  // namespace
