// SPDX-License-Identifier: Apache-2.0
// The small texts by which clients name things: ids, cursors of pages, targets with percent
// escapes. The first byte chooses.
//
// One text for each thing and one thing for each text, in the same order; a cursor is of one list
// only; what is decoded is decoded the same once it is escaped again.
#include <array>
#include <string>

#include "api/request.h"
#include "core/limits.h"
#include "engine/history_cursor.h"
#include "headrace/id.h"
#include "tests/fuzz/input.h"

namespace headrace {
namespace {

using fuzz::require;

template <class SomeId>
void check_id(std::string_view text) {
  const auto id = SomeId::parse(text);
  if (!id) {
    require(id.error().code == ErrorCode::kMalformed);
    return;
  }
  require(text.size() == SomeId::kTextSize && id->to_string() == text);
}

void run_ids(std::string_view text) {
  check_id<MessageId>(text);
  check_id<EndpointId>(text);
  check_id<LinkId>(text);
  check_id<KeyId>(text);
  check_id<JobId>(text);
  const auto bits = parse_base62(text);
  if (!bits) {
    const std::int64_t at = bits.error().detail;
    require(at >= 0 && at <= static_cast<std::int64_t>(text.size()));
    return;
  }
  std::string printed(kIdDigits, '\0');
  format_base62(*bits, printed.data());
  require(printed == text);
}

// Two numbers of 128 bits: their texts are read back, and sort as they do.
void run_numbers(fuzz::Input input) {
  const auto number = [&input] { return Bits128{input.number(8), input.number(8)}; };
  const MessageId a{number()}, b{number()};
  require(*MessageId::parse(a.to_string()) == a);
  require((a <=> b) == (a.to_string() <=> b.to_string()));
}

void run_cursor(std::string_view text) {
  using engine::HistoryCursor;
  using List = HistoryCursor::List;
  int read = 0;
  for (const List list : {List::kMessages, List::kDeliveries, List::kAttempts}) {
    const auto cursor = HistoryCursor::parse(list, text);
    if (!cursor) {
      require(cursor.error().code == ErrorCode::kInvalidArgument);
      continue;
    }
    ++read;
    require(cursor->to_text(list) == text);
    require(cursor->inside || (cursor->target == 0 && cursor->attempt == 0));
    require(!cursor->inside || list != List::kMessages);
    require(cursor->target < core::limits::kTargetsPerMessageMax && cursor->attempt <= 0xffff);
    require(text.empty() == !cursor->message);
  }
  require(read == (text.empty() ? 3 : read != 0));
}

std::string escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    result += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return result;
}

void run_target(std::string_view text) {
  api::Request request;
  require(request.set_target(core::Method::kGet, text) == request.has_valid_target);
  require(text.starts_with(request.plain_path()));
  if (!request.has_valid_target) {
    require(text.find('%') != std::string_view::npos);
    return;
  }
  std::string again;
  for (const std::string& segment : request.path) again += "/" + escaped(segment);
  if (again.ends_with('/')) again += '/';  // an empty one at the end needs its own slash
  char joint = '?';
  for (const auto& [name, value] : request.query) {
    again += joint + escaped(name) + "=" + escaped(value);
    joint = '&';
    require(request.parameter(name) == value);
  }
  api::Request same;
  require(same.set_target(core::Method::kGet, again));
  require(same.path == request.path && same.query == request.query);
}

}  // namespace
}  // namespace headrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  headrace::fuzz::Input input(data, size);
  const int choice = input.byte() % 4;
  if (choice == 1) {
    headrace::run_numbers(input);
    return 0;
  }
  const headrace::fuzz::Exact text(input.rest());
  if (choice == 0) headrace::run_ids(text.view());
  if (choice == 2) headrace::run_cursor(text.view());
  if (choice == 3) headrace::run_target(text.view());
  return 0;
}
