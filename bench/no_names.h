// SPDX-License-Identifier: Apache-2.0
// A resolver of nothing but addresses: benches ask no name server.
#pragma once

#include <optional>
#include <string_view>

#include "dispatch/resolver.h"

namespace headrace::bench {

class NoNames final : public dispatch::Resolver {
 public:
  std::optional<dispatch::Addresses> resolve(std::string_view host,
                                             dispatch::ResolveRequest&) override {
    return dispatch::known_addresses(host);
  }
  void cancel(dispatch::ResolveRequest&) noexcept override {}
};

}  // namespace headrace::bench
