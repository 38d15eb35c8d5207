// SPDX-License-Identifier: Apache-2.0
// `tls` of an endpoint as people write it: {"ca":PEM,"certificate":PEM,"key":PEM or
// "$Secret{NAME}","pins":["sha256//…"]}.
#pragma once

#include <string>
#include <string_view>

#include "dispatch/tls.h"
#include "engine/secrets.h"
#include "headrace/result.h"

namespace headrace::engine {

// The members; secrets are left as they are written. kInvalidArgument with the pointer of the
// fault, which begins with `pointer`: not JSON, other members, a value that is no text.
Result<dispatch::EndpointTls> parse_tls(std::string_view json, const std::string& pointer);

// Whether connections can be made with it, once its secret is filled in. Errors as above; none
// holds anything of a key.
Result<void> check_tls(std::string_view json, std::string_view workspace,
                       const SecretSource& secrets, const std::string& pointer);

// As it may be shown: a key that is no $Secret{} is hidden.
std::string hidden_tls(const std::string& json);

}  // namespace headrace::engine
