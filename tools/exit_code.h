// SPDX-License-Identifier: Apache-2.0
// How every command ends; scripts rely on these numbers.
#pragma once

namespace headrace::tools {

enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,          // the command line, or a value on it
  kConfiguration = 3,  // settings, the connection, or a file to apply
  kNotReachable = 4,
  kRefused = 5,      // the daemon answered 4xx
  kWouldChange = 6,  // of apply --dry-run --exit-code
  kBreach = 7,       // of bench: messages or figures are not as they must be
};

inline constexpr const char* kExitCodesHelp =
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration, 4 the daemon cannot be\n"
    "reached, 5 the daemon refused.";

}  // namespace headrace::tools
