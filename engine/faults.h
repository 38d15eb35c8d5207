// SPDX-License-Identifier: Apache-2.0
// The errors that the registry's rules make.
#pragma once

#include <string>
#include <utility>

#include "headrace/result.h"

namespace headrace::engine {

// A member that is not allowed to be so; `pointer` is its JSON pointer in what was given.
inline Error invalid(std::string pointer, std::string what) {
  Error error{ErrorCode::kInvalidArgument, what, 0};
  error.items.push_back({std::move(pointer), std::move(what)});
  return error;
}

// `error` of something that stood at `pointer`.
inline Error at(std::string pointer, Error error) {
  error.items.insert(error.items.begin(), {std::move(pointer), error.what});
  return error;
}

inline Error not_found(std::string what) { return {ErrorCode::kNotFound, std::move(what), 0}; }
inline Error conflict(std::string what) { return {ErrorCode::kConflict, std::move(what), 0}; }

}  // namespace headrace::engine
