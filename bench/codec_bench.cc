// SPDX-License-Identifier: Apache-2.0
// The HTTP codec on a usual webhook request and its answer, beside bare llhttp on the same bytes in
// the same run. allocs_per_op must be 0; the program fails when it is not.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <vector>

#include "bench/allocations.h"
#include "core/http_request.h"
#include "core/http_response.h"

namespace headrace::core {
namespace {

constexpr std::size_t kBodyBytes = 7 * 1024;

constexpr std::string_view kLine = "POST /in/2vK8sQ0cW1mZ7xY4bN6tR3 HTTP/1.1\r\n";
constexpr std::string_view kFields =
    "Host: hooks.example.com\r\n"
    "User-Agent: GitHub-Hookshot/044aadd\r\n"
    "Accept: */*\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958\r\n"
    "X-GitHub-Event: push\r\n"
    "X-GitHub-Hook-ID: 292430182\r\n"
    "X-GitHub-Hook-Installation-Target-ID: 79929171\r\n"
    "X-GitHub-Hook-Installation-Target-Type: repository\r\n"
    "X-Hub-Signature-256: "
    "sha256=d57c68ca6f92289e6987922ff26938930f6e66a2d161ef06abdf1859230aa23c\r\n"
    "Content-Type: application/json\r\n";

std::string request_by_length() {
  return std::string(kLine) + std::string(kFields) +
         "Content-Length: " + std::to_string(kBodyBytes) + "\r\n\r\n" +
         std::string(kBodyBytes, 'x');
}

std::string request_by_chunks() {
  std::string text =
      std::string(kLine) + std::string(kFields) + "Transfer-Encoding: chunked\r\n\r\n";
  for (std::size_t i = 0; i < kBodyBytes / 1024; ++i)
    text += "400\r\n" + std::string(1024, 'x') + "\r\n";
  return text + "0\r\n\r\n";
}

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 15\r\n"
    "Connection: keep-alive\r\n"
    "\r\n"
    "{\"status\":\"ok\"}";

void report(benchmark::State& state, std::uint64_t allocations_before, std::size_t bytes) {
  const auto made = bench::allocations.load() - allocations_before;
  const auto rounds = static_cast<std::uint64_t>(state.iterations());
  state.counters["allocs_per_op"] = static_cast<double>(made) / static_cast<double>(rounds);
  state.SetBytesProcessed(static_cast<std::int64_t>(rounds * bytes));
  if (made / rounds != 0) state.SkipWithError("the codec allocated");
}

void run_request(benchmark::State& state, const std::string& request) {
  RequestParser parser;
  std::vector<char> memory(request.begin(), request.end());
  const std::uint64_t before = bench::allocations.load();
  for (auto _ : state) {
    parser.reset(limits::kBodyBytesMaxDefault);
    parser.parse(memory.data(), memory.size());
    if (parser.parse(memory.data(), memory.size()) != RequestParser::Status::kComplete) {
      state.SkipWithError("the request was refused");
      break;
    }
    benchmark::DoNotOptimize(parser.head().find(memory.data(), "x-github-event"));
  }
  report(state, before, request.size());
}

void BM_RequestByLength(benchmark::State& state) { run_request(state, request_by_length()); }
BENCHMARK(BM_RequestByLength);

// Decoding in place consumes the input, so each round begins with a copy of it, which is part of
// the figure.
void BM_RequestByChunks(benchmark::State& state) {
  const std::string request = request_by_chunks();
  RequestParser parser;
  std::vector<char> memory(request.size());
  const std::uint64_t before = bench::allocations.load();
  for (auto _ : state) {
    request.copy(memory.data(), request.size());
    parser.reset(limits::kBodyBytesMaxDefault);
    parser.parse(memory.data(), memory.size());
    if (parser.parse(memory.data(), memory.size()) != RequestParser::Status::kComplete) {
      state.SkipWithError("the request was refused");
      break;
    }
  }
  report(state, before, request.size());
}
BENCHMARK(BM_RequestByChunks);

void BM_Response(benchmark::State& state) {
  ResponseParser parser;
  std::vector<char> capture(limits::kResponseBodyBytesKept);
  const std::uint64_t before = bench::allocations.load();
  for (auto _ : state) {
    parser.reset(capture.data(), capture.size(), false);
    if (parser.feed(kResponse) != ResponseParser::Status::kComplete) {
      state.SkipWithError("the response was refused");
      break;
    }
  }
  report(state, before, kResponse.size());
}
BENCHMARK(BM_Response);

int ignore(llhttp_t*) { return 0; }
int ignore_span(llhttp_t*, const char* at, std::size_t size) {
  benchmark::DoNotOptimize(at);
  benchmark::DoNotOptimize(size);
  return 0;
}

// The callbacks that any user of llhttp needs, doing nothing.
void run_llhttp(benchmark::State& state, llhttp_type_t type, std::string_view bytes) {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_url = settings.on_header_field = settings.on_header_value = settings.on_body =
      &ignore_span;
  settings.on_headers_complete = settings.on_message_complete = &ignore;
  llhttp_t parser;
  const std::uint64_t before = bench::allocations.load();
  for (auto _ : state) {
    llhttp_init(&parser, type, &settings);
    if (llhttp_execute(&parser, bytes.data(), bytes.size()) != HPE_OK) {
      state.SkipWithError("llhttp refused");
      break;
    }
  }
  report(state, before, bytes.size());
}

void BM_BareLlhttpRequestByLength(benchmark::State& state) {
  run_llhttp(state, HTTP_REQUEST, request_by_length());
}
BENCHMARK(BM_BareLlhttpRequestByLength);

void BM_BareLlhttpRequestByChunks(benchmark::State& state) {
  run_llhttp(state, HTTP_REQUEST, request_by_chunks());
}
BENCHMARK(BM_BareLlhttpRequestByChunks);

void BM_BareLlhttpResponse(benchmark::State& state) { run_llhttp(state, HTTP_RESPONSE, kResponse); }
BENCHMARK(BM_BareLlhttpResponse);

}  // namespace
}  // namespace headrace::core

BENCHMARK_MAIN();
