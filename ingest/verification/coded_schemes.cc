// SPDX-License-Identifier: Apache-2.0
#include "ingest/verification/coded_schemes.h"

namespace headrace::verification {
namespace {

constexpr CodedScheme kSchemes[] = {
    {"basic", make_basic},
    {"chargebee", make_basic},
    {"postmark", make_basic},
};

}  // namespace

std::span<const CodedScheme> coded_schemes() noexcept { return kSchemes; }

}  // namespace headrace::verification
