// The functions of mathfn.hpp over arrays: for tests, and for Python code that needs them with the same bytes
// everywhere (numpy's own transcendentals differ between CPUs).
#include "mathfn.hpp"

namespace {

template <class F>
std::int64_t apply(std::int64_t function, const F* in, F* out, std::int64_t length) {
    switch (function) {
        case 0: for (std::int64_t i = 0; i < length; i++) out[i] = exp2_of(in[i]); break;
        case 1: for (std::int64_t i = 0; i < length; i++) out[i] = log2_of(in[i]); break;
        case 2: for (std::int64_t i = 0; i < length; i++) out[i] = sin_turns(in[i]); break;
        case 3: for (std::int64_t i = 0; i < length; i++) out[i] = cos_turns(in[i]); break;
        case 4: for (std::int64_t i = 0; i < length; i++) out[i] = tanh_of(in[i]); break;
    }
    return FINE;
}

}  // namespace

KERNEL(math_f32)(std::int64_t function, const float* in, float* out, std::int64_t length) {
    return apply(function, in, out, length);
}

KERNEL(math_f64)(std::int64_t function, const double* in, double* out, std::int64_t length) {
    return apply(function, in, out, length);
}
