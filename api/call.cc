// SPDX-License-Identifier: Apache-2.0
#include "api/call.h"

#include <charconv>
#include <limits>

#include "core/http_grammar.h"

namespace headrace::api {
namespace {

// What no definition has: a tag that can be none of ours is another one's.
constexpr std::uint64_t kNoRevision = std::numeric_limits<std::uint64_t>::max();

std::uint64_t revision_in(std::string_view etag) noexcept {
  if (etag.size() < 3 || etag.front() != '"' || etag.back() != '"') return kNoRevision;
  std::uint64_t revision = 0;
  return core::http::parse_number(etag.substr(1, etag.size() - 2), revision) ? revision
                                                                             : kNoRevision;
}

}  // namespace

PageRequest Call::page() const {
  PageRequest page;
  page.cursor = text("cursor");
  if (const std::string limit = text("limit"); !limit.empty())
    std::from_chars(limit.data(), limit.data() + limit.size(), page.count_max);
  return page;
}

ChangeOptions Call::options() const {
  ChangeOptions options;
  options.cascade = text("cascade") == "true";
  if (!request.if_match) return options;
  const std::string_view etag = core::http::trim(*request.if_match);
  options.if_exists = true;
  if (etag != "*") options.if_revision = revision_in(etag);
  return options;
}

Reply shown(std::string json, std::optional<std::uint64_t> revision, int status) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(json);
  reply.revision = revision;
  return reply;
}

Reply deleted(const Result<void>& result) {
  if (!result) return problem(result.error());
  Reply reply;
  reply.status = 204;
  reply.content_type.clear();
  return reply;
}

Reply refused(Faults faults) {
  return invalid("the body has members that are wrong", std::move(faults));
}

void check_same(const Call& call, const char* name, std::string_view path_name, Faults& faults) {
  const std::string given = text_member(call.body.json(), name);
  if (given.empty() || given == call.value(path_name)) return;
  faults.push_back({std::string("/") + name, "differs from the path"});
}

}  // namespace headrace::api
