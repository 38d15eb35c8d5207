// SPDX-License-Identifier: Apache-2.0
// All selectors and filters of a webhook compiled to one program: a trie of paths with hashed
// values, run over a message once.
//
// Threads: a Program is immutable and shared; a Matcher is one thread's scratch memory.
// Limits: kEventsPerWebhookMax events; kFiltersPerWebhookMax filters; JSON depth kJsonDepthMax.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/numbers.h"
#include "headrace/result.h"
#include "selector/filter.h"
#include "selector/selector.h"

namespace headrace::selector {

// One event to find: it matches when the scalar at `selector` equals `value` (its text: strings by
// content, numbers as normalised decimal, true/false/null).
struct EventRule {
  core::EventNumber event{};
  Selector selector;
  std::string value;
};

// Which messages an endpoint wants; a null filter is none.
struct FilterRule {
  core::EndpointNumber endpoint{};
  std::shared_ptr<const Filter> filter;
};

enum class BodyKind : std::uint8_t {
  kJson,  // must be valid, or the match is kInvalid
  kForm,  // application/x-www-form-urlencoded
  kRaw,   // not looked into
};

struct MessageView {
  // For kJson: BufferPool::kPadding readable bytes must follow.
  std::string_view body;
  BodyKind kind = BodyKind::kJson;
  std::string_view query;         // of the request target, without '?'
  std::string_view header_lines;  // "Name: value\r\n" each
};

struct Match {
  static constexpr std::size_t kOthersMax = 4;
  bool valid = true;  // false: the body is not JSON
  core::EventNumber event =
      core::EventNumber::kNone;   // of those that match, the one given first to compile()
  std::uint32_t other_count = 0;  // further events that match
  std::array<core::EventNumber, kOthersMax> others{};  // the first of them
  std::size_t fault_offset = 0;  // when not valid: in bytes from the start of the body
  const char* fault = "";        // a sentence
};

class Program {
 public:
  // `rules` in order of creation. `captures`: further selectors whose values a run also reports
  // (dedupe keys). kConflict when two rules have the same path and value (1e2 and 100 are the
  // same) or two filters the same endpoint; `detail` is the index of the second. kTooLarge above
  // kEventsPerWebhookMax or kFiltersPerWebhookMax; kInvalidArgument for an empty path.
  static Result<Program> compile(std::span<const EventRule> rules,
                                 std::span<const Selector> captures = {},
                                 std::span<const FilterRule> filters = {});
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  struct Code;  // how it is represented is the matcher's business
  const Code& code() const noexcept { return *code_; }

 private:
  explicit Program(std::unique_ptr<Code> code) noexcept;
  std::unique_ptr<Code> code_;
};

class Matcher {
 public:
  Matcher();
  ~Matcher();

  // No allocation once the scratch memory has grown to the usual message. The result's captures
  // stay valid until the next run. Headers, parameters, fields and members that occur twice: the
  // first counts. A form's field is also looked into as JSON when a path goes on behind its name.
  Match run(const Program& program, const MessageView& message) noexcept;
  // The text at capture `index` of the last run; nullopt when the message has no scalar there.
  std::optional<std::string_view> capture(std::size_t index) const noexcept;

  // Whether the endpoint's filter accepts the message of the last run; true when the program has
  // none for it. Whatever the body, and when it was not valid as if it were empty and there were
  // neither headers nor a query. No allocation in the steady state. Requires: the program of the
  // last run is still there.
  bool passes(core::EndpointNumber endpoint) const noexcept;
  // One sentence for people: the first condition that does not hold and the value that was there.
  // Empty when passes(). May be slow.
  std::string why_not(core::EndpointNumber endpoint) const;

 private:
  struct Scratch;
  struct Run;
  std::unique_ptr<Scratch> scratch_;
};

// What stands at `selector` in a JSON document.
struct SampleValue {
  enum class Kind : std::uint8_t { kMissing, kScalar, kContainer };
  Kind kind = Kind::kMissing;
  std::string text;  // the comparison text of a scalar
};

// For samples; needs no padding. kMalformed with the byte offset when the document is not JSON.
Result<SampleValue> look_up_in_sample(const Selector& selector, std::string_view json);

// The text of the scalar there; nullopt when there is none.
Result<std::optional<std::string>> value_in_sample(const Selector& selector, std::string_view json);

}  // namespace headrace::selector
