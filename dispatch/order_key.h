// SPDX-License-Identifier: Apache-2.0
// Which deliveries of an endpoint are kept in order: those with the same text at one place.
//
// Threads: an OrderKey is immutable and shared; the matcher is one thread's scratch memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "headrace/result.h"
#include "selector/program.h"
#include "store/types.h"

namespace headrace::dispatch {

class OrderKey {
 public:
  // Of a selector as it is written. kMalformed with the position of the fault in `detail`.
  static Result<std::shared_ptr<const OrderKey>> of(std::string_view selector);

  // A hash of what stands there in the message, and of the selector. 0: nothing does, or no scalar.
  std::uint64_t find_in(const store::Payload& payload, selector::Matcher& matcher) const noexcept;

  // Two selectors that mean the same have the same. Never 0.
  std::uint64_t id() const noexcept { return id_; }

 private:
  OrderKey(selector::Program program, selector::Source source, std::uint64_t id) noexcept
      : program_(std::move(program)), source_(source), id_(id) {}

  selector::Program program_;
  selector::Source source_;
  std::uint64_t id_;
};

}  // namespace headrace::dispatch
