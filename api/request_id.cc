// SPDX-License-Identifier: Apache-2.0
#include "api/request_id.h"

#include <algorithm>

#include "core/random.h"
#include "headrace/id.h"

namespace headrace::api {
namespace {

constexpr std::string_view kPrefix = "req_";
constexpr std::size_t kBytesMax = 128;

bool is_fitting(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

std::string request_id(std::string_view given) {
  if (!given.empty() && given.size() <= kBytesMax &&
      std::all_of(given.begin(), given.end(), is_fitting))
    return std::string(given);
  Bits128 bits;
  core::secure_random(&bits, sizeof(bits));
  std::string id(kPrefix.size() + kIdDigits, '\0');
  kPrefix.copy(id.data(), kPrefix.size());
  format_base62(bits, id.data() + kPrefix.size());
  return id;
}

}  // namespace headrace::api
