// SPDX-License-Identifier: Apache-2.0
// The first byte chooses the pieces and the options, the rest is a stream of responses and the end
// of the connection. Whole and in pieces must agree, and captures must keep to their bounds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/limits.h"
#include "tests/core/http_stream.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace limits = headrace::core::limits;
  using headrace::core::test::run_responses;
  if (size == 0) return 0;
  const std::string_view stream{reinterpret_cast<const char*>(data + 1), size - 1};
  headrace::core::test::ResponseOptions options;
  options.to_head = (data[0] & 1) != 0;
  options.finish = (data[0] & 2) != 0;
  options.capture_size = (data[0] & 4) != 0 ? 100 : options.capture_size;
  const auto whole = run_responses(stream, headrace::core::test::kWhole, options);
  require(whole == run_responses(stream, std::size_t{1} + data[0] / 8, options));
  for (const auto& response : whole.responses) {
    require(response.status_code >= 200 && response.status_code <= 999);
    require(response.head.size() + response.body.size() <= options.capture_size);
    require(response.head.empty() || response.head.ends_with("\r\n"));
    require(response.body.size() <= limits::kResponseBodyBytesKept);
    require(response.body.size() <= response.body_bytes);
  }
  return 0;
}
