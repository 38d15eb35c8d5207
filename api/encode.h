// SPDX-License-Identifier: Apache-2.0
// What answers show: the public structs as JSON texts.
#pragma once

#include <string>

#include "api/json_writer.h"
#include "headrace/history.h"
#include "headrace/registration.h"
#include "headrace/registry.h"
#include "headrace/test_send.h"

namespace headrace::api {

// Each appends one object.
void write(JsonWriter& json, const WorkspaceInfo& workspace);
void write(JsonWriter& json, const Key& key);
void write(JsonWriter& json, const NewKey& key);
void write(JsonWriter& json, const App& app);
void write(JsonWriter& json, const Webhook& webhook);
void write(JsonWriter& json, const Event& event);
void write(JsonWriter& json, const TestSend& send);
void write(JsonWriter& json, const MatchReport& report);
void write(JsonWriter& json, const Product& product);
void write(JsonWriter& json, const Connection& connection);
void write(JsonWriter& json, const Registration& registration);
void write(JsonWriter& json, const Endpoint& endpoint);
void write(JsonWriter& json, const Link& link);
void write(JsonWriter& json, const LinkResult& link);
void write(JsonWriter& json, const Message& message);
void write(JsonWriter& json, const MessageDetail& message);
void write(JsonWriter& json, const Delivery& delivery);
void write(JsonWriter& json, const Attempt& attempt);

// ["read", …]
void write_scopes(JsonWriter& json, Scopes scopes);

template <class Shown>
std::string to_json(const Shown& shown) {
  JsonWriter json;
  write(json, shown);
  return json.take();
}

// {"data":[…],"next":"…"|null}
template <class Item>
std::string to_json(const Page<Item>& page) {
  JsonWriter json;
  json.begin_object().key("data").begin_array();
  for (const Item& item : page.items) write(json, item);
  json.end_array().member_or_null("next", page.next).end_object();
  return json.take();
}

}  // namespace headrace::api
