// SPDX-License-Identifier: Apache-2.0
// The HTTP codec on a usual webhook request and its answer, beside bare llhttp on the same bytes
// and a copy of them in the same run. allocs_per_op must be 0; the program fails when it is not.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bench/cost.h"
#include "bench/sample_messages.h"
#include "core/http_request.h"
#include "core/http_response.h"

namespace headrace::core {
namespace {

std::string request_by_length() {
  return bench::request_by_length(bench::kUsualToken, std::string(bench::kUsualBodyBytes, 'x'));
}
std::string request_by_chunks() {
  return bench::request_by_chunks(bench::kUsualToken, std::string(bench::kUsualBodyBytes, 'x'));
}

void report(benchmark::State& state, const bench::Cost& cost, std::size_t bytes) {
  const auto made = cost.report_rounds(state, bytes);
  if (made / static_cast<std::uint64_t>(state.iterations()) != 0)
    state.SkipWithError("the codec allocated");
}

void run_request(benchmark::State& state, const std::string& request) {
  RequestParser parser;
  std::vector<char> memory(request.begin(), request.end());
  const bench::Cost cost;
  for (auto _ : state) {
    parser.reset(limits::kBodyBytesMaxDefault);
    parser.parse(memory.data(), memory.size());
    if (parser.parse(memory.data(), memory.size()) != RequestParser::Status::kComplete) {
      state.SkipWithError("the request was refused");
      break;
    }
    benchmark::DoNotOptimize(parser.head().find(memory.data(), "x-github-event"));
  }
  report(state, cost, request.size());
}

void BM_RequestByLength(benchmark::State& state) { run_request(state, request_by_length()); }
BENCHMARK(BM_RequestByLength);

// Decoding in place consumes the input, so each round begins with a copy of it, which is part of
// the figure.
void BM_RequestByChunks(benchmark::State& state) {
  const std::string request = request_by_chunks();
  RequestParser parser;
  std::vector<char> memory(request.size());
  const bench::Cost cost;
  for (auto _ : state) {
    request.copy(memory.data(), request.size());
    parser.reset(limits::kBodyBytesMaxDefault);
    parser.parse(memory.data(), memory.size());
    if (parser.parse(memory.data(), memory.size()) != RequestParser::Status::kComplete) {
      state.SkipWithError("the request was refused");
      break;
    }
  }
  report(state, cost, request.size());
}
BENCHMARK(BM_RequestByChunks);

void BM_Response(benchmark::State& state) {
  ResponseParser parser;
  std::vector<char> capture(limits::kResponseBodyBytesKept);
  const bench::Cost cost;
  for (auto _ : state) {
    parser.reset(capture.data(), capture.size(), false);
    if (parser.feed(bench::kUsualResponse) != ResponseParser::Status::kComplete) {
      state.SkipWithError("the response was refused");
      break;
    }
  }
  report(state, cost, bench::kUsualResponse.size());
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
  const bench::Cost cost;
  for (auto _ : state) {
    llhttp_init(&parser, type, &settings);
    if (llhttp_execute(&parser, bytes.data(), bytes.size()) != HPE_OK) {
      state.SkipWithError("llhttp refused");
      break;
    }
  }
  report(state, cost, bytes.size());
}

void BM_BareLlhttpRequestByLength(benchmark::State& state) {
  run_llhttp(state, HTTP_REQUEST, request_by_length());
}
BENCHMARK(BM_BareLlhttpRequestByLength);

void BM_BareLlhttpRequestByChunks(benchmark::State& state) {
  run_llhttp(state, HTTP_REQUEST, request_by_chunks());
}
BENCHMARK(BM_BareLlhttpRequestByChunks);

void BM_BareLlhttpResponse(benchmark::State& state) {
  run_llhttp(state, HTTP_RESPONSE, bench::kUsualResponse);
}
BENCHMARK(BM_BareLlhttpResponse);

// What touching every byte once and writing it elsewhere costs.
void BM_BareCopy(benchmark::State& state) {
  const std::string request = request_by_length();
  std::vector<char> memory(request.size());
  const bench::Cost cost;
  for (auto _ : state) {
    std::memcpy(memory.data(), request.data(), request.size());
    benchmark::DoNotOptimize(memory.data());
    benchmark::ClobberMemory();
  }
  report(state, cost, request.size());
}
BENCHMARK(BM_BareCopy);

}  // namespace
}  // namespace headrace::core

BENCHMARK_MAIN();
