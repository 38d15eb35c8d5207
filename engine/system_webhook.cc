// SPDX-License-Identifier: Apache-2.0
#include "engine/system_webhook.h"

#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "core/time_text.h"
#include "engine/delivery_rules.h"

namespace headrace::engine {
namespace {

constexpr SystemEvent kAll[] = {SystemEvent::kEndpointDisabled, SystemEvent::kBreakerOpened,
                                SystemEvent::kBreakerClosed};

std::string_view name_of(SystemEvent event) noexcept {
  switch (event) {
    case SystemEvent::kEndpointDisabled:
      return "An endpoint was disabled";
    case SystemEvent::kBreakerOpened:
      return "An endpoint fails at nearly everything and is left alone for a while";
    case SystemEvent::kBreakerClosed:
      return "An endpoint works again";
  }
  return {};
}

std::string time_text(core::WallMs ms) {
  const auto text = core::format_timestamp(ms);
  return {text.data(), text.size()};
}

// A message like those that will come, about an endpoint that nobody has.
std::string sample_of(SystemEvent event) {
  EndpointDefinition endpoint;
  endpoint.product = "shop";
  endpoint.access_tag = endpoint.app = "github";
  endpoint.webhook = "repo";
  endpoint.env = "prd";
  SystemNews news{.event = event, .at = 1'767'225'600'000, .host = "receiver.example"};
  if (event == SystemEvent::kEndpointDisabled) {
    news.reason = StateReason::kFailing;
    news.since = news.at - 5 * 24 * 3'600'000ull;
    news.failures = 120;
  }
  return system_body(endpoint, news);
}

}  // namespace

std::string_view to_string(SystemEvent event) noexcept {
  switch (event) {
    case SystemEvent::kEndpointDisabled:
      return "endpoint.disabled";
    case SystemEvent::kBreakerOpened:
      return "endpoint.breaker_opened";
    case SystemEvent::kBreakerClosed:
      return "endpoint.breaker_closed";
  }
  return {};
}

std::string tag_of(SystemEvent event) {
  return std::string(kSystemWebhook) + ':' + std::string(to_string(event));
}

std::string system_body(const EndpointDefinition& endpoint, const SystemNews& news) {
  nlohmann::ordered_json json = {{"type", to_string(news.event)},
                                 {"at", time_text(news.at)},
                                 {"endpoint", endpoint.id.to_string()},
                                 {"product", endpoint.product},
                                 {"access_tag", endpoint.access_tag},
                                 {"app", endpoint.app},
                                 {"webhook", endpoint.webhook},
                                 {"env", endpoint.env},
                                 {"host", news.host}};
  if (news.event == SystemEvent::kEndpointDisabled) {
    json["reason"] = to_string(news.reason);
    json["since"] = nullptr;
    if (news.since != 0) json["since"] = time_text(news.since);
    json["failures"] = news.failures;
  }
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

WebhookDefinition system_webhook(std::string_view workspace) {
  WebhookDefinition webhook;
  webhook.workspace = workspace;
  webhook.app = kSystemApp;
  webhook.tag = kSystemWebhook;
  webhook.name = "headrace";
  webhook.description = "What headrace itself has to say about the endpoints of this workspace.";
  webhook.envs = {{.slug = std::string(kSystemEnv)}};
  webhook.body_bytes_max = core::limits::kBodyBytesMaxDefault;
  return webhook;
}

std::vector<EventDefinition> system_events(std::string_view workspace) {
  std::vector<EventDefinition> events;
  for (const SystemEvent one : kAll) {
    EventDefinition& event = events.emplace_back();
    event.workspace = workspace;
    event.app = kSystemApp;
    event.tag = tag_of(one);
    event.name = name_of(one);
    event.selector = "$Event{type}";
    event.value = to_string(one);
    event.value_given = true;
    event.sample = sample_of(one);
  }
  return events;
}

Result<void> check_not_system(std::string_view app) {
  if (app != kSystemApp) return {};
  return Error{ErrorCode::kForbidden, "the app 'headrace' is built in, and stays as it is", 0};
}

}  // namespace headrace::engine
