// SPDX-License-Identifier: Apache-2.0
// `verification` of a webhook's env or a link: checked when it is written, made usable with its
// secrets when it is put in force, and shown without what is secret in it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "engine/secrets.h"
#include "headrace/result.h"

namespace headrace::verification {
class Verifier;
}

namespace headrace::engine {

// Empty is none, and fine. kInvalidArgument with the member's pointer, which begins with `pointer`;
// also where a message could come again later than `dedupe_window` remembers it.
Result<void> check_verification(const std::string& json, const std::string& pointer,
                                std::chrono::milliseconds dedupe_window);

struct MadeVerifier {
  std::shared_ptr<const verification::Verifier> verifier;
  std::string fault;    // why it refuses everything; empty: it does not
  std::string warning;  // why what it took could be taken again some time; empty: it could not
};

// With its secrets. Where one of them is missing, or makes it something that cannot be: a verifier
// that refuses everything, as nothing may be taken unverified. One that was written when messages
// were remembered for longer is in force, with a warning. Requires: `json` is not empty.
MadeVerifier make_verifier(const std::string& json, std::string_view workspace,
                           const SecretSource& secrets, std::chrono::milliseconds dedupe_window);

// As it may be shown: secrets that are no $Secret{} are hidden.
std::string hidden_verification(const std::string& json);

}  // namespace headrace::engine
