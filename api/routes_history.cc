// SPDX-License-Identifier: Apache-2.0
// What happened: messages, deliveries, attempts.
#include <charconv>

#include "api/call.h"
#include "api/link_filter.h"
#include "api/times.h"

namespace headrace::api {
namespace {

using core::Method;

constexpr std::string_view kPageMayBeShort =
    "Newest messages first. The work of one request is bounded, so a page may be short, even "
    "empty, "
    "and have a next one all the same.";

template <class SomeId>
SomeId id_of(const Call& call, std::string_view name) {
  auto id = SomeId::parse(call.text(name));
  return id ? *id : SomeId{};
}

std::optional<UnixMs> time_of(const Call& call, std::string_view name) {
  return parse_time(call.text(name));
}

std::optional<MessageState> message_state(std::string_view text) {
  if (text == "routed") return MessageState::kRouted;
  if (text == "unmatched") return MessageState::kUnmatched;
  if (text == "no_endpoint") return MessageState::kNoEndpoint;
  return std::nullopt;
}

std::optional<DeliveryState> delivery_state(std::string_view text) {
  if (text == "waiting") return DeliveryState::kWaiting;
  if (text == "retrying" || text == "retry") return DeliveryState::kRetrying;
  if (text == "delivered") return DeliveryState::kDelivered;
  if (text == "dead") return DeliveryState::kDead;
  return std::nullopt;
}

HistoryFilter filter_of(const Call& call) {
  LinkFilter link = link_filter(call);
  HistoryFilter filter;
  filter.message = id_of<MessageId>(call, "message");
  filter.link = id_of<LinkId>(call, "link");
  filter.endpoint = id_of<EndpointId>(call, "endpoint");
  filter.app = std::move(link.app);
  filter.webhook = std::move(link.webhook);
  filter.env = std::move(link.env);
  filter.product = std::move(link.product);
  filter.event = call.text("event");
  filter.since = time_of(call, "since");
  filter.until = time_of(call, "until");
  filter.error = call.text("error");
  if (const std::string text = call.text("http_status"); !text.empty()) {
    std::uint16_t status = 0;
    std::from_chars(text.data(), text.data() + text.size(), status);
    filter.http_status = status;
  }
  filter.page = call.page();
  return filter;
}

Reply list_messages(Call& call) {
  HistoryFilter filter = filter_of(call);
  filter.message_state = message_state(call.text("status"));
  return listed(call.workspace->messages(filter));
}

Reply get_message(Call& call) {
  return answer(call.workspace->message(call.id<MessageId>("message")));
}

Reply list_deliveries(Call& call) {
  HistoryFilter filter = filter_of(call);
  filter.delivery_state = delivery_state(call.text("status"));
  return listed(call.workspace->deliveries(filter));
}

Reply list_attempts(Call& call) {
  HistoryFilter filter = filter_of(call);
  filter.delivery_state = delivery_state(call.text("status"));
  return listed(call.workspace->attempts(filter));
}

std::vector<Parameter> filter_parameters() {
  std::vector<Parameter> all = link_filter_parameters(true);
  all.insert(all.end(),
             {{"link", ParameterKind::kLinkId, "Only what came by this link."},
              {"endpoint", ParameterKind::kEndpointId, "Only what goes to this endpoint."},
              {"event", ParameterKind::kText, "Only this event: a full tag, with app."},
              {"since", ParameterKind::kTime, "Accepted at or after."},
              {"until", ParameterKind::kTime, "Accepted before."}});
  return all;
}

std::vector<Parameter> delivery_parameters(std::vector<std::string_view> states) {
  std::vector<Parameter> all = filter_parameters();
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
  std::vector<Parameter> all = filter_parameters();
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
