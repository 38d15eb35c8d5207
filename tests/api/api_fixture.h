// SPDX-License-Identifier: Apache-2.0
// An engine in memory and the management API's routes over it, called without a socket.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>

#include "api/request.h"
#include "api/routes.h"
#include "core/clock.h"
#include "headrace/engine.h"
#include "tests/support/tcp_client.h"

namespace headrace::api {

using Json = nlohmann::json;
using Headers = std::map<std::string, std::string>;  // by their names in lower case

class ApiTest : public testing::Test {
 protected:
  static constexpr const char* kKey = "hrk_a-key-of-the-tests";

  ApiTest();

  // A request with the operator's key, unless `headers` have an authorization.
  static Request request_of(core::Method method, std::string_view target, std::string_view body,
                            const Headers& headers);
  Reply handle(core::Method method, std::string_view target, std::string_view body = {},
               const Headers& headers = {});
  Reply get(std::string_view target, const Headers& headers = {}) {
    return handle(core::Method::kGet, target, {}, headers);
  }
  Reply post(std::string_view target, std::string_view body, const Headers& headers = {}) {
    return handle(core::Method::kPost, target, body, headers);
  }
  Reply patch(std::string_view target, std::string_view body, const Headers& headers = {}) {
    return handle(core::Method::kPatch, target, body, headers);
  }
  Reply put(std::string_view target, std::string_view body, const Headers& headers = {}) {
    return handle(core::Method::kPut, target, body, headers);
  }
  Reply remove(std::string_view target, const Headers& headers = {}) {
    return handle(core::Method::kDelete, target, {}, headers);
  }
  // The body of the answer, which must have that status and be JSON.
  static Json body_of(const Reply& reply, int status);
  // The same of a problem document, which must be one of RFC 9457 with that code.
  static Json expect_problem(const Reply& reply, int status, std::string_view code);
  // The value of a header line of the reply; empty when there is none.
  static std::string header(const Reply& reply, std::string_view name);

  // App "forge" with webhook "repo" in "prd" and "snd", and the event "repo:push" found by
  // $Event{action}.
  void make_webhook();
  // The product's link to the webhook in "prd", its endpoint at `url`.
  Json make_link(std::string_view product, std::string_view url);
  // A new key of the workspace: {"authorization": …}.
  Headers make_key(std::string_view scope, std::string_view workspace = "default");
  // Posts to a link, and answers the message's id.
  std::string post_message(const std::string& link, std::string_view body);
  // Asks for the target until the predicate holds of what it shows.
  template <class Predicate>
  Json wait_until(std::string_view target, Predicate predicate);

  const core::SystemClock clock;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Routes> routes;
};

template <class Predicate>
Json ApiTest::wait_until(std::string_view target, Predicate predicate) {
  // Far more rounds than anything here needs, yet an end for a test that fails.
  for (int i = 0; i < 1'000'000; ++i) {
    const Reply reply = get(target);
    const Json shown = Json::parse(reply.body, nullptr, false);
    if (reply.status == 200 && predicate(shown)) return shown;
    std::this_thread::yield();
  }
  ADD_FAILURE() << "what the test waits for did not happen";
  return {};
}

}  // namespace headrace::api
