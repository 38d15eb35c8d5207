// SPDX-License-Identifier: Apache-2.0
// What happened: messages, deliveries, attempts.
#include "api/call.h"
#include "api/history_parameters.h"
#include "api/job_json.h"

namespace headrace::api {
namespace {

using core::Method;

constexpr std::string_view kPageMayBeShort =
    "Newest messages first. The work of one request is bounded, so a page may be short, even "
    "empty, "
    "and have a next one all the same.";

Reply list_messages(Call& call) {
  HistoryFilter filter = history_filter(call);
  filter.message_state = message_state(call.text("status"));
  return listed(call.workspace->messages(filter));
}

Reply get_message(Call& call) {
  return answer(call.workspace->message(call.id<MessageId>("message")));
}

Reply list_deliveries(Call& call) {
  HistoryFilter filter = history_filter(call);
  filter.delivery_state = delivery_state(call.text("status"));
  return listed(call.workspace->deliveries(filter));
}

Reply list_attempts(Call& call) {
  HistoryFilter filter = history_filter(call);
  filter.delivery_state = delivery_state(call.text("status"));
  return listed(call.workspace->attempts(filter));
}

std::vector<Parameter> delivery_parameters(std::vector<std::string_view> states) {
  std::vector<Parameter> all = history_parameters();
  all.insert(all.end(),
             {{"message", ParameterKind::kMessageId, "Only of this message."},
              {"status", ParameterKind::kChoice, "Only in this state.", std::move(states)},
              {"error", ParameterKind::kText,
               "Only with this class of error; any: with one, none: without."},
              {"http_status", ParameterKind::kHttpStatus,
               "Only with this answer of the receiver; 0: without one."}});
  return all;
}

std::vector<Parameter> message_parameters() {
  std::vector<Parameter> all = history_parameters();
  all.push_back({"status",
                 ParameterKind::kChoice,
                 "Only in this state.",
                 {"routed", "unmatched", "no_endpoint"}});
  return all;
}

}  // namespace

void add_history_routes(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/messages",
                .access = Access::kRead,
                .id = "listMessages",
                .tag = "History",
                .summary = "List messages",
                .description = kPageMayBeShort,
                .query = message_parameters(),
                .answers = {{200, "Message", "A page of them."}},
                .is_list = true,
                .handler = list_messages});
  to.push_back({.method = Method::kGet,
                .path = "/v1/messages/{message}",
                .access = Access::kRead,
                .id = "getMessage",
                .tag = "History",
                .summary = "Show a message with its body",
                .answers = {{200, "MessageDetail", "The message."}},
                .failures = {{404, "not_found"}},
                .handler = get_message});
  to.push_back({.method = Method::kGet,
                .path = "/v1/deliveries",
                .access = Access::kRead,
                .id = "listDeliveries",
                .tag = "History",
                .summary = "List deliveries",
                .description = kPageMayBeShort,
                .query = delivery_parameters({"waiting", "retrying", "delivered", "dead"}),
                .answers = {{200, "Delivery", "A page of them."}},
                .is_list = true,
                .handler = list_deliveries});
  to.push_back({.method = Method::kGet,
                .path = "/v1/attempts",
                .access = Access::kRead,
                .id = "listAttempts",
                .tag = "History",
                .summary = "List attempts",
                .description = kPageMayBeShort,
                .query = delivery_parameters({"delivered", "retry", "retrying", "dead"}),
                .answers = {{200, "Attempt", "A page of them."}},
                .is_list = true,
                .handler = list_attempts});
}

}  // namespace headrace::api
