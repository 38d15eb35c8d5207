// SPDX-License-Identifier: Apache-2.0
// Which daemon is spoken to, and as whom.
//
// The key comes from a file or the environment, never from a flag: the flags of a process can be
// read by everybody on its machine.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "headrace/result.h"

namespace headrace::tools {

struct ConnectionFlags {  // empty: not given
  std::string url;
  std::string key_file;
  std::string workspace;
};

struct Connection {
  std::string url;  // without a slash at its end
  std::string key;
  std::string workspace;  // empty: the key's own
};

using Environment = std::function<std::optional<std::string>(const char* name)>;

// A flag counts before its variable: HEADRACE_URL, HEADRACE_KEY_FILE (before HEADRACE_KEY),
// HEADRACE_WORKSPACE. kInvalidArgument: no key, a file that cannot be read, or what is no URL or no
// key.
Result<Connection> connection(const ConnectionFlags& flags, const Environment& environment);

// The whole file, or standard input for "-". kStorageFailed with the system's reason.
Result<std::string> read_file(const std::string& name);

}  // namespace headrace::tools
