// SPDX-License-Identifier: Apache-2.0
// $Secret{NAME} inside credentials: found when a definition is written, resolved when it is used.
//
// Pure, save the source that is asked. Secrets never get into definitions, errors or answers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/result.h"

namespace headrace::engine {

// The value of a workspace's secret; none when there is no such secret.
using SecretSource =
    std::function<std::optional<std::string>(std::string_view workspace, std::string_view name)>;

// The names in `text`, in order. kMalformed with the offset of a "$Secret{" that is not followed by
// [A-Za-z0-9_]{1,64} and a brace.
Result<std::vector<std::string>> secret_names(std::string_view text);

enum class Escape : std::uint8_t {
  kNone,
  kJson,     // the text is JSON, and the secret stands inside a string
  kPercent,  // the text is a URL
};

// `text` with every secret in its place. kNotFound naming the first that is not there; kMalformed
// as secret_names().
Result<std::string> with_secrets(std::string_view text, std::string_view workspace,
                                 const SecretSource& source, Escape escape);

// Overwrites what secrets were put into, and empties it.
void wipe(std::string& text) noexcept;
void wipe(std::vector<std::pair<std::string, std::string>>& fields) noexcept;

// What stands where a credential is not shown. Nobody may mean it as one.
inline constexpr std::string_view kHidden = "[hidden]";

// `text`, unless it holds anything but secrets and words around them that give nothing away: then a
// mark that says that something is hidden. "Bearer $Secret{T}" is shown, "Bearer abc" is not.
std::string hide_credentials(const std::string& text);

}  // namespace headrace::engine
