// SPDX-License-Identifier: Apache-2.0
// A genuine request for every scheme there is, made without what is tested.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/ingest/verification/request.h"

namespace headrace::verification::test {

// Bytes of a request that are proved: of the field of that name, or of the body.
struct Proved {
  std::string field;  // empty: the body
  std::size_t begin = 0;
  std::size_t end = std::string::npos;
};

struct Signed {
  Request request;
  std::vector<Proved> proved;
};

struct Input {
  std::string id;  // of letters and digits
  std::string body;
  std::string secret;
  core::WallMs now = 1'700'000'000'000;
};

struct Case {
  std::string name;
  std::string members;  // of the settings, without the secrets
  std::string member = "secrets";
  std::string secret, other;  // as configured
  bool replay_id = false;     // a genuine message has one
  std::function<Signed(const Input&)> sign;
  // What the body may be: anything, JSON's own, or a form's letters.
  enum class Body { kAny, kObject, kLetters } body = Body::kAny;

  std::string settings(const std::vector<std::string>& secrets) const;
};

const std::vector<Case>& cases();

}  // namespace headrace::verification::test
