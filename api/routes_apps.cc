// SPDX-License-Identifier: Apache-2.0
// Apps and their webhooks.
#include "api/call.h"

namespace headrace::api {
namespace {

using core::Method;

Reply list_apps(Call& call) { return listed(call.workspace->apps(call.page())); }
Reply get_app(Call& call) { return answer(call.workspace->app(call.value("app"))); }
Reply delete_app(Call& call) {
  return deleted(call.workspace->delete_app(call.value("app"), call.options()));
}

Reply list_webhooks(Call& call) {
  return listed(call.workspace->webhooks(call.value("app"), call.page()));
}
Reply create_webhook(Call& call) {
  return answer(call.workspace->create_webhook(call.value("app"), webhook_spec(call.body)), 201);
}
Reply get_webhook(Call& call) {
  return answer(call.workspace->webhook(call.value("app"), call.value("webhook")));
}
Reply update_webhook(Call& call) {
  return answer(call.workspace->update_webhook(call.value("app"), call.value("webhook"),
                                               webhook_patch(call.body), call.options()));
}
Reply delete_webhook(Call& call) {
  return deleted(
      call.workspace->delete_webhook(call.value("app"), call.value("webhook"), call.options()));
}
Reply delete_webhook_env(Call& call) {
  return deleted(call.workspace->delete_webhook_env(call.value("app"), call.value("webhook"),
                                                    call.value("env"), call.options()));
}

Reply match(Call& call) {
  Faults faults;
  const MatchRequest request = match_request(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  return answer(call.workspace->match(call.value("app"), call.value("webhook"), request));
}

void add_apps(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/apps",
                .access = Access::kRead,
                .id = "listApps",
                .tag = "Apps",
                .summary = "List apps",
                .answers = {{200, "App", "A page of them, by tag."}},
                .is_list = true,
                .handler = list_apps});
  to.push_back({.method = Method::kGet,
                .path = "/v1/apps/{app}",
                .access = Access::kRead,
                .id = "getApp",
                .tag = "Apps",
                .summary = "Show an app",
                .answers = {{200, "App", "The app."}},
                .failures = {{404, "not_found"}},
                .handler = get_app});
  to.push_back({.method = Method::kDelete,
                .path = "/v1/apps/{app}",
                .access = Access::kWrite,
                .id = "deleteApp",
                .tag = "Apps",
                .summary = "Delete an app",
                .answers = {{204, "", "It is gone."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .takes_cascade = true,
                .handler = delete_app});
}

void add_webhooks(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/apps/{app}/webhooks",
                .access = Access::kRead,
                .id = "listWebhooks",
                .tag = "Webhooks",
                .summary = "List an app's webhooks",
                .answers = {{200, "Webhook", "A page of them, by tag."}},
                .is_list = true,
                .handler = list_webhooks});
  to.push_back({.method = Method::kPost,
                .path = "/v1/apps/{app}/webhooks",
                .access = Access::kWrite,
                .id = "createWebhook",
                .tag = "Webhooks",
                .summary = "Make a webhook",
                .description = "Each env gets a link. An env with a registration URL is enabled by "
                               "calling the provider; links of others are pasted by hand.",
                .body = "WebhookSpec",
                .answers = {{201, "Webhook", "It is made."}},
                .failures = {{409, "conflict"}, {422, "malformed"}},
                .has_etag = true,
                .handler = create_webhook});
  to.push_back({.method = Method::kGet,
                .path = "/v1/apps/{app}/webhooks/{webhook}",
                .access = Access::kRead,
                .id = "getWebhook",
                .tag = "Webhooks",
                .summary = "Show a webhook",
                .answers = {{200, "Webhook", "The webhook."}},
                .failures = {{404, "not_found"}},
                .has_etag = true,
                .handler = get_webhook});
  to.push_back({.method = Method::kPatch,
                .path = "/v1/apps/{app}/webhooks/{webhook}",
                .access = Access::kWrite,
                .id = "updateWebhook",
                .tag = "Webhooks",
                .summary = "Change a webhook",
                .body = "WebhookPatch",
                .answers = {{200, "Webhook", "As it is now."}},
                .failures = {{404, "not_found"}, {422, "malformed"}},
                .has_etag = true,
                .takes_if_match = true,
                .handler = update_webhook});
  to.push_back({.method = Method::kDelete,
                .path = "/v1/apps/{app}/webhooks/{webhook}",
                .access = Access::kWrite,
                .id = "deleteWebhook",
                .tag = "Webhooks",
                .summary = "Delete a webhook",
                .answers = {{204, "", "It is gone."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .takes_if_match = true,
                .takes_cascade = true,
                .handler = delete_webhook});
  to.push_back({.method = Method::kDelete,
                .path = "/v1/apps/{app}/webhooks/{webhook}/envs/{env}",
                .access = Access::kWrite,
                .id = "deleteWebhookEnv",
                .tag = "Webhooks",
                .summary = "Delete an env of a webhook",
                .answers = {{204, "", "It is gone."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .takes_if_match = true,
                .takes_cascade = true,
                .handler = delete_webhook_env});
}

}  // namespace

void add_app_routes(std::vector<Route>& to) {
  add_apps(to);
  add_webhooks(to);
  to.push_back({.method = Method::kPost,
                .path = "/v1/apps/{app}/webhooks/{webhook}/match",
                .access = Access::kRead,
                .id = "matchWebhook",
                .tag = "Webhooks",
                .summary = "Say what a message would do",
                .description = "Nothing is stored or sent.",
                .body = "MatchRequest",
                .answers = {{200, "MatchReport", "Which event it is, and whom it reaches."}},
                .failures = {{404, "not_found"}, {422, "malformed"}},
                .handler = match});
}

}  // namespace headrace::api
