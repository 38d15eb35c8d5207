// SPDX-License-Identifier: Apache-2.0
// Test sends and dry runs, as plain values.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "headrace/id.h"

namespace headrace {

struct TriggerSpec {
  std::string env;      // may be empty when the webhook has one
  std::string product;  // empty: to every endpoint of the webhook and env; else to that product's
  std::string body;     // empty: the event's sample
  std::string content_type = "application/json";
};

struct EndpointTestSpec {
  std::string event;  // whose sample is sent; empty: a small document that says what it is
  std::string body;   // replaces it
  std::string content_type = "application/json";
};

struct TestSend {
  MessageId message;
  std::string event;          // full tag; empty: none was named
  bool selected = false;      // the selectors find this event in the body, too
  std::size_t receivers = 0;  // endpoints that it goes to
};

// A message that is only looked at.
struct MatchRequest {
  std::string env;  // empty: the endpoints of all envs
  std::string body;
  std::string content_type;
  std::string query;         // without '?'
  std::string header_lines;  // "Name: value\r\n" each
};

struct MatchReport {
  struct Receiver {
    EndpointId endpoint;
    std::string product;
    std::string env;
    bool reached = false;
    std::string reason;  // why not; empty when it is reached
  };
  std::string event;                // full tag; empty: unmatched
  std::vector<std::string> others;  // further events that match; the first four
  std::vector<Receiver> receivers;  // every endpoint of the webhook
};

}  // namespace headrace
