// SPDX-License-Identifier: Apache-2.0
// From what a person typed to the request that the daemon gets.
//
// Pure, but for the files that flags name; those are read through a function that the caller gives.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"
#include "tools/commands.h"

namespace headrace::tools {

// What was given to a command: texts by the name of the flag, or of the placeholder in the path.
using Values = std::map<std::string, std::vector<std::string>, std::less<>>;

// The bytes of a file, or of standard input for "-".
using ReadFile = std::function<Result<std::string>(const std::string& name)>;

struct Request {
  Method method = Method::kGet;
  std::string target;           // path and query
  std::string body;             // JSON; empty: none
  std::string if_match;         // header; empty: none
  std::string idempotency_key;  // header; empty: none
};

// kInvalidArgument: a value has no such form; `what` names its flag. The reader's errors.
Result<Request> make_request(const Command& command, const Values& values, const ReadFile& read);

// "a b" as one segment of a path, or in a query: "a%20b".
std::string percent_encoded(std::string_view text);
// The header for a revision: "\"7\"", or * as it is.
std::string etag_of(std::string_view revision);

}  // namespace headrace::tools
