// SPDX-License-Identifier: Apache-2.0
// What tests allow endpoints: loopback, without TLS.
#pragma once

#include "engine/target_check.h"

namespace headrace::test {

inline engine::TargetRules loopback_targets() {
  static const dispatch::AddressFilter filter(
      *dispatch::AddressFilter::parse({"127.0.0.0/8", "::1"}));
  return {&filter, true, {}};
}

}  // namespace headrace::test
