// SPDX-License-Identifier: Apache-2.0
// `auth` and `sample`: the parts of a request as people write them,
// {"headers":{},"query":{},"body":…,"params":{}}, and what becomes of them.
//
// Pure. Limits: kPartsBytesMax.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/definitions.h"
#include "headrace/result.h"

namespace headrace::engine {

struct RequestParts {
  Fields headers, query, params;
  std::string body;  // JSON text to the letter; empty: none, or an empty object
};

// Members that are missing are empty. kInvalidArgument with the pointer of the fault, which begins
// with `pointer`: not JSON, other members, a value that is not a scalar, a secret that is not one.
Result<RequestParts> parse_request_parts(std::string_view json, const std::string& pointer);

// Whether `auth` has what `sample` shows: each of its members, with a value of the same type (an
// object likewise, null anything; names of headers in any case). More is allowed.
Result<void> check_structure(std::string_view sample, std::string_view auth,
                             const std::string& pointer);

// Names in a URL that are to be filled: {name}, and :name as a whole segment of the path.
std::vector<std::string> placeholders(std::string_view url);
// `url` with those placeholders filled, percent-encoded, that `params` has ($Secret{} stays).
std::string fill_placeholders(std::string_view url, const Fields& params);

// Whether "$Link" stands in any of the parts.
bool mentions_link(const RequestParts& parts);
// Puts `link` in its place. Where nothing mentions it, it becomes the member "url" of a JSON body,
// or the parameter "url" when there is no body to be sent. kInvalidArgument: the body has a url
// already, or is no object.
Result<void> put_link_into(RequestParts& parts, const std::string& link, bool sends_body,
                           const std::string& pointer);

// As it may be shown: values that are no $Secret{} or $Link are hidden.
std::string hidden_parts(const std::string& json);

}  // namespace headrace::engine
