// SPDX-License-Identifier: Apache-2.0
// A request as it is written on the wire, read by the codec that the engine reads it with, and what
// a verifier says of it.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/http_request.h"
#include "ingest/verification/verifier.h"

namespace headrace::verification::test {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = "POST";
  std::string target = "/in/2vK8sQ0cW1mZ7xY4bN6tR3";
  Fields fields;
  std::string body;
  std::string url = "https://hooks.example.com/in/2vK8sQ0cW1mZ7xY4bN6tR3";
  core::WallMs now = 1'700'000'000'000;

  std::string& field(std::string_view name);  // Requires: there is one.
};

// What a verifier was given and said; what it answered does not point into the request any more.
struct Outcome {
  Verdict verdict = Verdict::kRefused;
  std::string reason;
  std::string replay_id;
  Reply reply;
  // Whether the codec let it through; if not, nothing was judged.
  bool read = true;

  bool genuine() const { return verdict == Verdict::kGenuine; }
  bool refused() const { return verdict == Verdict::kRefused && !reason.empty(); }
};

Outcome judge(const Verifier& verifier, const Request& request);
std::optional<Reply> challenge(const Verifier& verifier, const Request& request);

// Ends the test's process when `json` is not taken, as there is nothing to test then.
std::shared_ptr<const Verifier> make(const std::string& json);
// The error's text; empty when there is none.
std::string fault_of(const std::string& json);

// `text` as JSON, quoted.
std::string json_text(std::string_view text);

}  // namespace headrace::verification::test
