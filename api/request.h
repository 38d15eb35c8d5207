// SPDX-License-Identifier: Apache-2.0
// One request to the management API, taken apart, and its answer. Plain values: they cross to a
// worker thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/http_request.h"

namespace headrace::api {

struct Request {
  core::Method method = core::Method::kGet;
  std::vector<std::string> path;  // segments, percent-decoded: {"v1", "apps", "github", "webhooks"}
  std::map<std::string, std::string> query;  // percent-decoded; of repeated names the first
  std::string authorization;                 // the header's value
  std::string body;

  // Fills method, path and query. False: a percent escape is wrong.
  bool set_target(core::Method request_method, std::string_view target);
  std::optional<std::string> parameter(const std::string& name) const;
};

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string extra_lines;  // header lines, each with CRLF
};

}  // namespace headrace::api
