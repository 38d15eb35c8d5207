// SPDX-License-Identifier: Apache-2.0
// A body's members, for the schemes that sign some of them.
//
// A member is taken only when there is one of that name, in whatever case: readers differ in which
// of two they take, and what was signed must be what others read.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string_view>

namespace headrace::verification {

struct Member {
  simdjson::dom::element value;
  std::size_t count = 0;

  bool one() const noexcept { return count == 1; }
};

Member member_of(simdjson::dom::object object, std::string_view name) noexcept;
// None: it is not there once, or no such thing.
std::optional<std::string_view> text_of(simdjson::dom::object object,
                                        std::string_view name) noexcept;
std::optional<simdjson::dom::object> object_of(simdjson::dom::object object,
                                               std::string_view name) noexcept;
std::optional<simdjson::dom::array> array_of(simdjson::dom::object object,
                                             std::string_view name) noexcept;

class BodyJson {
 public:
  // Copies what it needs. root() is empty when the body is no JSON object.
  explicit BodyJson(std::string_view body);

  const std::optional<simdjson::dom::object>& root() const noexcept { return root_; }

 private:
  simdjson::dom::parser parser_;
  std::optional<simdjson::dom::object> root_;
};

}  // namespace headrace::verification
