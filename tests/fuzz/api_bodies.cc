// SPDX-License-Identifier: Apache-2.0
// Bodies that the management API is sent. The first byte chooses what of; the rest is the body.
//
// Two readers of JSON agree on what JSON is; what is kept to the letter lies in the text as JSON of
// its own. A body that its schema allows can be turned into what the engine takes, with faults at
// places that are JSON pointers; the JSON inside, which the engine reads, is refused or is
// shown again without its credentials, as JSON.
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "api/decode.h"
#include "api/json_body.h"
#include "api/json_writer.h"
#include "api/schema_validator.h"
#include "api/signing_json.h"
#include "api/times.h"
#include "core/time_text.h"
#include "engine/endpoint_tls.h"
#include "engine/request_parts.h"
#include "engine/verification_rules.h"
#include "selector/filter.h"
#include "selector/json.h"
#include "tests/fuzz/input.h"

namespace headrace::api {
namespace {

using fuzz::require;

constexpr std::string_view kSecretText = "hunter2";

// The whole text of an item that is kept is one JSON value inside the body.
void check_raw(std::string_view body, std::string_view raw) {
  if (raw.empty()) return;
  require(raw.data() >= body.data() && raw.data() + raw.size() <= body.data() + body.size());
  require(!selector::find_json_fault(raw));
}

void check_faults(const Faults& faults) {
  for (const ErrorItem& fault : faults) {
    require(fault.where.empty() || fault.where.front() == '/');
    require(!fault.what.empty());
    // What is said of it is JSON, whatever bytes it names.
    JsonWriter writer;
    writer.begin_object().member("where", fault.where).member("what", fault.what).end_object();
    require(!selector::find_json_fault(writer.take()));
  }
}

// What the engine makes of JSON that the API passes on as text.
void check_parts(const std::string& text) {
  const auto parts = engine::parse_request_parts(text, "/auth");
  const std::string shown = engine::hidden_parts(text);
  if (parts) {
    require(text.empty() || !selector::find_json_fault(shown));
    for (const engine::Fields* fields : {&parts->headers, &parts->query, &parts->params}) {
      for (const auto& [name, value] : *fields)
        require(value != kSecretText || shown.find(":\"" + value + "\"") == std::string::npos);
    }
  } else {
    require(parts.error().code == ErrorCode::kInvalidArgument);
  }
}

void check_tls(const std::string& text) {
  const auto tls = engine::parse_tls(text, "/tls");
  const std::string shown = engine::hidden_tls(text);
  if (!tls) return;
  require(text.empty() || !selector::find_json_fault(shown));
}

void check_verification(const std::string& text) {
  const auto checked = engine::check_verification(text, "/verification", std::chrono::hours(1));
  const std::string shown = engine::hidden_verification(text);
  if (!checked || text.empty()) return;
  require(!selector::find_json_fault(shown));
}

void check_settings(const EndpointSettings& settings) {
  if (settings.auth) check_parts(*settings.auth);
  if (settings.tls) check_tls(*settings.tls);
  if (settings.filter && !settings.filter->empty()) {
    const auto filter = selector::Filter::parse(*settings.filter);
    if (!filter) require(!filter.error().what.empty());
  }
}

void check_envs(const std::vector<WebhookEnvPatch>& envs) {
  for (const WebhookEnvPatch& env : envs) {
    if (env.sample) {
      check_parts(*env.sample);
      const auto structure = engine::check_structure(*env.sample, "{}", "/auth");
      if (!structure) require(structure.error().code == ErrorCode::kInvalidArgument);
    }
    if (env.verification) check_verification(*env.verification);
    if (env.registration_url) engine::placeholders(*env.registration_url);
  }
}

void check_header_lines(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    require(end != std::string_view::npos && lines.substr(0, end).find(':') != 0);
    require(lines.substr(0, end).find_first_of("\r\n") == std::string_view::npos);
    lines.remove_prefix(end + 2);
  }
}

struct Kind {
  std::string_view schema;
  void (*decode)(const JsonBody& body, Faults& faults);
};

constexpr std::array kKinds = {
    Kind{"KeySpec",
         [](const JsonBody& body, Faults& faults) {
           const KeySpec spec = key_spec(body, faults);
           if (!spec.expires_at) return;
           const std::string text = time_text(*spec.expires_at);
           require(parse_time(text) == spec.expires_at);
         }},
    Kind{"WebhookSpec",
         [](const JsonBody& body, Faults&) {
           require(!webhook_spec(body).tag.empty());
           check_envs(webhook_patch(body).envs);
         }},
    Kind{"WebhookPatch",
         [](const JsonBody& body, Faults&) { check_envs(webhook_patch(body).envs); }},
    Kind{"EventSpec",
         [](const JsonBody& body, Faults&) { require(!event_spec(body).tag.empty()); }},
    Kind{"EventPatch", [](const JsonBody& body, Faults&) { event_patch(body); }},
    Kind{"TriggerSpec",
         [](const JsonBody& body, Faults& faults) {
           const TriggerSpec spec = trigger_spec(body, faults);
           if (faults.empty())
             require(spec.content_type.find_first_of("\r\n") == std::string::npos);
         }},
    Kind{"EndpointTestSpec",
         [](const JsonBody& body, Faults& faults) { endpoint_test_spec(body, faults); }},
    Kind{"MatchRequest",
         [](const JsonBody& body, Faults& faults) {
           const MatchRequest request = match_request(body, faults);
           check_header_lines(request.header_lines);
           if (body.json().contains("query") && body.json()["query"].is_object())
             require(request.query.find_first_of(" \r\n#") == std::string::npos);
         }},
    Kind{"EnableSpec",
         [](const JsonBody& body, Faults& faults) {
           const EnableSpec spec = enable_spec(body, faults);
           require(spec.wait.count() >= 0 && spec.wait <= std::chrono::minutes(1));
           for (const auto& env : spec.envs) {
             check_settings(env.settings);
             if (env.delivery_auth) check_parts(*env.delivery_auth);
           }
         }},
    Kind{"DisableSpec", [](const JsonBody& body, Faults&) { disable_spec(body); }},
    Kind{"EndpointSpec",
         [](const JsonBody& body, Faults& faults) {
           check_settings(endpoint_spec(body, faults).settings);
         }},
    Kind{"EndpointPatch", [](const JsonBody& body,
                             Faults& faults) { check_settings(endpoint_patch(body, faults)); }},
    Kind{"LinkSpec",
         [](const JsonBody& body, Faults& faults) {
           const LinkSpec spec = link_spec(body, faults);
           check_settings(spec.settings);
           if (spec.verification) check_verification(*spec.verification);
         }},
    Kind{"RotateSpec", [](const JsonBody& body,
                          Faults& faults) { require(grace_of(body, faults).count() >= 0); }},
    Kind{"SigningRotation",
         [](const JsonBody& body, Faults& faults) { signing_rotation(body, faults); }},
};

void run(const Kind& kind, std::string_view text) {
  static SchemaValidator validator;
  const auto fault = selector::find_json_fault(text);
  const auto body = JsonBody::parse(text);
  require(body.has_value() == !fault);
  if (!body) {
    require(body.error().code == ErrorCode::kMalformed);
    require(body.error().detail == static_cast<std::int64_t>(fault->offset));
    return;
  }
  for (const char* pointer : {"/sample", "/auth", "/filter", "/payload", "/envs/0/sample",
                              "/envs/0/auth", "/envs/1/verification"})
    check_raw(text, body->raw(pointer));
  Faults faults = validator.check(kind.schema, body->json());
  check_faults(faults);
  if (!faults.empty()) return;
  kind.decode(*body, faults);
  check_faults(faults);
}

// The texts of times and durations, which stand in many bodies.
void run_times(std::string_view text) {
  if (const auto time = parse_time(text)) {
    const std::string printed = time_text(*time);
    require(*time > 253'402'300'799'999 || parse_time(printed) == time);
  }
  if (const auto duration = core::parse_duration(text)) {
    require(duration->count() >= 0);
    const auto again = core::parse_duration(duration_text(*duration));
    // A unit larger than an hour is not printed, and a number has 32 bits.
    require(!again || *again == *duration);
  }
}

}  // namespace
}  // namespace headrace::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace::api;
  headrace::fuzz::Input input(data, size);
  const std::size_t choice = input.byte() % (kKinds.size() + 1);
  const headrace::fuzz::Exact text(input.rest());
  if (choice == kKinds.size()) {
    run_times(text.view());
  } else {
    run(kKinds[choice], text.view());
  }
  return 0;
}
