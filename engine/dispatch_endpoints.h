// SPDX-License-Identifier: Apache-2.0
// Definitions as dispatch uses them: URLs filled, secrets resolved, bytes laid out.
#pragma once

#include <memory>
#include <string_view>

#include "dispatch/endpoint.h"
#include "engine/definitions.h"
#include "engine/secret_store.h"

namespace headrace::engine {

// kOther when it is none that a delivery or a call may use.
core::Method parse_method(std::string_view text) noexcept;
bool sends_body(core::Method method) noexcept;

// kInvalidArgument, kMalformed or kTooLarge for what dispatch cannot use. A secret that is not
// there makes an endpoint whose attempts fail by its name, and are retried.
Result<std::shared_ptr<const dispatch::Endpoint>> for_dispatch(const EndpointDefinition& definition,
                                                               const SecretStore& secrets);
// What providers are told is not signed: they know us by the credentials that they gave.
Result<std::shared_ptr<const dispatch::Endpoint>> for_dispatch(const CallDefinition& definition,
                                                               const SecretSource& secrets);

}  // namespace headrace::engine
