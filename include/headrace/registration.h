// SPDX-License-Identifier: Apache-2.0
// Full registration: a product's use of a webhook in several envs at once, as plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "headrace/id.h"
#include "headrace/registry.h"

namespace headrace {

enum class RegistrationState : std::uint8_t {
  kEnabled,        // nothing to call: the link is pasted by hand, or needed by nobody
  kPending,        // the provider is being called; failures are retried
  kRegistered,     // the provider answered 2xx
  kFailed,         // the provider was called as often as the schedule allows
  kUnregistering,  // disabled; the provider is being told
  kDisabled,       // it was there, and is no more
};

struct EnableEnvSpec {
  std::string slug;
  // url and method are the receiver's. `auth` is the provider's where the env has a registration
  // URL (it may hold $Link and $Secret{NAME}), else the receiver's.
  EndpointSettings settings;
  std::optional<std::string> delivery_auth;  // the receiver's, where `auth` is the provider's
};

struct EnableSpec {
  std::string access_tag;
  std::string webhook;
  std::vector<EnableEnvSpec> envs;  // at least one
  // How long to wait for the providers' first answers; zero: not at all.
  std::chrono::milliseconds wait = std::chrono::seconds(10);
};

struct DisableSpec {
  std::string access_tag;
  std::string webhook;
  std::vector<std::string> envs;  // slugs; empty: all that are enabled
};

struct RegistrationEnv {
  std::string slug;
  std::string url;
  std::string method;
  EndpointId endpoint;  // zero once it is disabled
  LinkId link_id;
  std::string link;
  RegistrationState state = RegistrationState::kEnabled;
  // The call to the provider, where there is one.
  MessageId call;  // its attempts are listed like a delivery's
  std::uint32_t attempts = 0;
  std::uint16_t http_status = 0;  // of the last one; 0: no answer
  std::string error;     // why the last one failed; empty: it did not, or none was made yet
  std::string response;  // the beginning of the last answer's body
  std::optional<UnixMs> called_at;
  std::optional<UnixMs> next_at;  // of kPending: the next attempt
};

// A product's use of one webhook.
struct Registration {
  std::string product;
  std::string access_tag;
  std::string app;
  std::string webhook;
  std::vector<RegistrationEnv> envs;
};

}  // namespace headrace
