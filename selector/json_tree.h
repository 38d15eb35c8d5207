// SPDX-License-Identifier: Apache-2.0
// A small JSON document as a tree, for what is read once at registration. Messages are never read
// this way.
//
// Limits: the caller bounds the bytes; the depth is kJsonDepthMax.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"

namespace headrace::selector {

struct JsonTree {
  enum class Kind : std::uint8_t { kObject, kArray, kString, kNumber, kLiteral };

  Kind kind = Kind::kObject;
  std::string key;                 // of a member of an object
  std::string text;                // the comparison text of a scalar
  std::vector<JsonTree> children;  // of a container, in order; duplicate keys are kept

  bool is_scalar() const noexcept { return kind >= Kind::kString; }

  // kMalformed with the byte offset.
  static Result<JsonTree> parse(std::string_view json);
};

}  // namespace headrace::selector
