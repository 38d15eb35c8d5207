// SPDX-License-Identifier: Apache-2.0
// Parts of a request that are taken only when there is exactly one of them: of two, the one that is
// checked and the one that somebody acts upon could differ. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ingest/verification/verifier.h"

namespace headrace::verification {

struct HeaderValue {
  std::string_view value;
  bool several = false;

  bool missing() const noexcept { return several || value.empty(); }
};

// Of the field of that name, which is written in lower case.
HeaderValue header_of(const Received& received, std::string_view lower_name) noexcept;

// Decoded, of the parameter of that name; none: there is not exactly one.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

}  // namespace headrace::verification
