// SPDX-License-Identifier: Apache-2.0
// The errors that the registry's rules make.
#pragma once

#include <string>
#include <utility>

#include "headrace/registry.h"
#include "headrace/result.h"

namespace headrace::engine {

// A member that is not allowed to be so; `pointer` is its JSON pointer in what was given.
inline Error invalid(std::string pointer, std::string what) {
  Error error{ErrorCode::kInvalidArgument, pointer + ": " + what, 0};
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

// kPrecondition when the caller knows another revision.
inline Result<void> check_revision(std::uint64_t revision, const ChangeOptions& options) {
  if (!options.if_revision || *options.if_revision == revision) return {};
  return Error{ErrorCode::kPrecondition, "it was changed since that revision", 0};
}

}  // namespace headrace::engine
