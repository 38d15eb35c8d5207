// SPDX-License-Identifier: Apache-2.0
// One request to the management API, taken apart, and its answer. Plain values: they cross to a
// worker thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/http_request.h"
#include "core/ip_address.h"
#include "headrace/result.h"

namespace headrace::api {

struct Request {
  core::Method method = core::Method::kGet;
  std::string target;                        // as sent: path and query
  std::vector<std::string> path;             // segments, percent-decoded: {"v1", "apps", "github"}
  std::map<std::string, std::string> query;  // percent-decoded; of repeated names the first
  bool has_valid_target = true;              // its percent escapes are right

  // The values of header fields; those that mean something by being absent are optional.
  std::string authorization;
  std::optional<std::string> workspace;  // Headrace-Workspace
  std::optional<std::string> content_type;
  std::optional<std::string> if_match;
  std::optional<std::string> if_none_match;
  std::optional<std::string> idempotency_key;
  std::string request_id;  // X-Request-Id, or made for this request

  std::string body;
  core::IpAddress peer;  // whose request it is, behind the proxies that are trusted; ::, nobody knows

  // None: nobody knows.
  std::optional<core::IpAddress> client() const {
    return peer == core::IpAddress{} ? std::nullopt : std::optional(peer);
  }

  // Fills method, target, path and query. False, and has_valid_target says so from then on: a
  // percent escape is wrong.
  bool set_target(core::Method request_method, std::string_view text);
  std::optional<std::string> parameter(std::string_view name) const;
  // The path as sent.
  std::string_view plain_path() const noexcept;
};

// What went wrong, before it is written as a problem document (RFC 9457).
struct Problem {
  int status = 500;
  std::string code;    // stable, snake_case
  std::string detail;  // one sentence
  std::vector<ErrorItem> errors;
  std::vector<ErrorItem> conflicts;
  std::optional<std::int64_t> position;  // in the body, or in the text that is at fault
};

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string extra_lines;                // header lines, each with CRLF
  std::optional<std::uint64_t> revision;  // of what is shown: becomes the ETag
  std::optional<Problem> problem;         // becomes the body
};

}  // namespace headrace::api
