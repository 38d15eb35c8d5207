// SPDX-License-Identifier: Apache-2.0
// The first byte chooses the pieces, the rest is a stream of requests. Whole and in pieces must
// agree, and what is accepted must obey the grammar as a second, simple reading sees it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/http_grammar.h"
#include "tests/core/http_stream.h"

namespace {

using headrace::core::test::run_requests;
using headrace::core::test::SeenRequest;
namespace http = headrace::core::http;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_lines(const SeenRequest& request) {
  std::string_view lines = request.lines;
  for (const auto& [name, value] : request.fields) {
    const std::size_t end = lines.find("\r\n");
    require(end != std::string_view::npos);
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    require(!name.empty() && std::all_of(name.begin(), name.end(), http::is_token_char));
    require(std::all_of(value.begin(), value.end(), http::is_value_char));
    require(line.substr(0, name.size() + 1) == name + ":");
    require(http::trim(line.substr(name.size() + 1)) == value);
  }
  require(lines.empty());
}

void check_framing(const SeenRequest& request) {
  int lengths = 0, codings = 0;
  std::uint64_t length = 0;
  for (const auto& [name, value] : request.fields) {
    if (http::equals_lower(name, "content-length")) {
      ++lengths;
      require(http::parse_number(value, length));
    }
    if (http::equals_lower(name, "transfer-encoding")) {
      ++codings;
      require(http::equals_lower(value, "chunked"));
    }
  }
  require(lengths + codings <= 1);
  require((codings == 1) == request.chunked);
  require(request.chunked || request.body.size() == length);
  require(request.target.starts_with('/'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::size_t kBodyBytesMax = 4096;
  const std::string_view stream{reinterpret_cast<const char*>(data + 1), size - 1};
  const auto whole = run_requests(stream, headrace::core::test::kWhole, kBodyBytesMax);
  require(whole == run_requests(stream, std::size_t{1} + data[0] % 64, kBodyBytesMax));
  for (const SeenRequest& request : whole.requests) {
    check_lines(request);
    check_framing(request);
    require(request.body.size() <= kBodyBytesMax);
  }
  return 0;
}
