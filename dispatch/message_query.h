// SPDX-License-Identifier: Apache-2.0
// What of a message goes into the query of a request that has no body.
//
// Threads: one owner. Reuses its memory: no allocation once it has grown to the usual message.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "dispatch/endpoint.h"
#include "store/types.h"

namespace headrace::dispatch {

class MessageQuery {
 public:
  MessageQuery();
  ~MessageQuery();

  // For an endpoint without bodies: the top-level scalar members of a JSON object ("a=1&b=x%20y",
  // null as an empty value), or a form-encoded body as it is. For a message without a body and any
  // endpoint: the message's own query. Empty when there is nothing to add, and for an endpoint with
  // a body of its own. Valid until the next call.
  std::string_view of(const Endpoint& endpoint, const store::Payload& payload);

 private:
  struct Parser;
  void append_members(std::string_view body);

  std::unique_ptr<Parser> parser_;
  std::string text_;
};

}  // namespace headrace::dispatch
