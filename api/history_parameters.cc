// SPDX-License-Identifier: Apache-2.0
#include "api/history_parameters.h"

#include <charconv>

#include "api/link_filter.h"
#include "api/times.h"

namespace headrace::api {
namespace {

template <class SomeId>
SomeId id_of(const Call& call, std::string_view name) {
  auto id = SomeId::parse(call.text(name));
  return id ? *id : SomeId{};
}

std::optional<UnixMs> time_of(const Call& call, std::string_view name) {
  return parse_time(call.text(name));
}

}  // namespace

HistoryFilter history_filter(const Call& call) {
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

std::vector<Parameter> history_parameters() {
  std::vector<Parameter> all = link_filter_parameters(true);
  all.insert(all.end(),
             {{"link", ParameterKind::kLinkId, "Only what came by this link."},
              {"endpoint", ParameterKind::kEndpointId, "Only what goes to this endpoint."},
              {"event", ParameterKind::kText, "Only this event: a full tag, with app."},
              {"since", ParameterKind::kTime, "Accepted at or after."},
              {"until", ParameterKind::kTime, "Accepted before."}});
  return all;
}

}  // namespace headrace::api
