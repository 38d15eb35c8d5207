// SPDX-License-Identifier: Apache-2.0
// JSON bodies: what requests carry, and what answers show.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "headrace/registry.h"
#include "headrace/result.h"

namespace headrace::api {

// kInvalidArgument naming the member that is missing or of the wrong type; kMalformed when the text
// is not JSON.
Result<WebhookSpec> webhook_spec(std::string_view body);
Result<EventSpec> event_spec(std::string_view body);
Result<LinkSpec> link_spec(std::string_view body);

std::string to_json(const Webhook& webhook);
std::string to_json(const Event& event);
std::string to_json(const ProductLink& link);
std::string to_json(const Endpoint& endpoint);
std::string to_json(const Message& message);
std::string to_json(const MessageDetail& message);
std::string to_json(const Delivery& delivery);
std::string to_json(const Attempt& attempt);

// {"data":[…],"next":"…"|null}
template <class Item>
std::string page(const std::vector<Item>& items, std::string_view next = {}) {
  std::string text = R"({"data":[)";
  for (const Item& item : items) {
    if (text.back() != '[') text += ',';
    text += to_json(item);
  }
  text += R"(],"next":)";
  text += next.empty() ? "null" : '"' + std::string(next) + '"';
  return text + '}';
}

}  // namespace headrace::api
