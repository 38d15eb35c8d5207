// SPDX-License-Identifier: Apache-2.0
// Drives the HTTP parsers as a connection does: bytes come in pieces of a given size, into memory
// that moves. Every piece lies in an allocation of its exact size, so that a sanitizer sees a byte
// read beyond it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/http_request.h"
#include "core/http_response.h"

namespace headrace::core::test {

inline constexpr std::size_t kWhole = std::string_view::npos;

struct SeenRequest {
  std::string method, target, lines, body;
  std::vector<std::pair<std::string, std::string>> fields;
  bool keep_alive = false, chunked = false, expect_continue = false;
  bool operator==(const SeenRequest&) const = default;
};

struct RequestOutcome {
  std::vector<SeenRequest> requests;
  int status = 0;  // of the refusal that ended the stream, 0: none
  std::string reason;
  bool data_after_close = false;  // the last request ended the connection, yet there was more
  bool operator==(const RequestOutcome&) const = default;
  bool refused() const { return status != 0 || data_after_close; }
};

inline SeenRequest seen(const RequestParser& parser, const char* base) {
  const RequestHead& head = parser.head();
  SeenRequest request{std::string(to_string(head.method)),
                      std::string(head.target.in(base)),
                      std::string(head.lines.in(base)),
                      std::string(parser.body().in(base)),
                      {},
                      head.keep_alive,
                      head.chunked,
                      head.expect_continue};
  for (std::size_t i = 0; i < head.field_count; ++i) {
    request.fields.emplace_back(head.fields[i].name.in(base), head.fields[i].value.in(base));
  }
  return request;
}

inline RequestOutcome run_requests(std::string_view stream, std::size_t piece_size = kWhole,
                                   std::size_t body_bytes_max = limits::kBodyBytesMaxDefault) {
  using Status = RequestParser::Status;
  RequestOutcome outcome;
  RequestParser parser;
  parser.reset(body_bytes_max);
  std::vector<char> memory;
  while (!stream.empty()) {
    const std::string_view piece = stream.substr(0, piece_size);
    stream.remove_prefix(piece.size());
    std::vector<char> moved;
    moved.reserve(memory.size() + piece.size());
    moved.assign(memory.begin(), memory.end());
    moved.insert(moved.end(), piece.begin(), piece.end());
    memory = std::move(moved);
    for (;;) {
      const Status status = parser.parse(memory.data(), memory.size());
      if (status == Status::kHeadComplete) continue;
      if (status == Status::kFailed) {
        outcome.status = parser.status();
        outcome.reason = parser.reason();
        return outcome;
      }
      if (status == Status::kNeedMore) {
        memory.resize(parser.end());
        break;
      }
      outcome.requests.push_back(seen(parser, memory.data()));
      memory = std::vector<char>(memory.begin() + static_cast<std::ptrdiff_t>(parser.end()),
                                 memory.end());
      if (!outcome.requests.back().keep_alive) {
        outcome.data_after_close = !memory.empty() || !stream.empty();
        return outcome;
      }
      parser.reset(body_bytes_max);
      if (memory.empty()) break;
    }
  }
  return outcome;
}

struct SeenResponse {
  int status_code = 0;
  std::string head, body;
  std::uint64_t body_bytes = 0;
  bool keep_alive = false;
  bool operator==(const SeenResponse&) const = default;
};

struct ResponseOutcome {
  std::vector<SeenResponse> responses;
  std::string reason;  // of the refusal that ended the stream, empty: none
  bool data_after_close = false;
  bool operator==(const ResponseOutcome&) const = default;
  bool refused() const { return !reason.empty() || data_after_close; }
};

struct ResponseOptions {
  bool to_head = false;
  bool finish = false;  // the connection ends behind the stream
  std::size_t capture_size = limits::kResponseHeadBytesMax + limits::kResponseBodyBytesKept;
};

inline ResponseOutcome run_responses(std::string_view stream, std::size_t piece_size = kWhole,
                                     ResponseOptions options = {}) {
  using Status = ResponseParser::Status;
  ResponseOutcome outcome;
  std::vector<char> capture(options.capture_size);
  ResponseParser parser;
  parser.reset(capture.data(), capture.size(), options.to_head);
  const auto keep = [&] {
    outcome.responses.push_back({parser.status_code(),
                                 std::string(parser.captured_head().in(capture.data())),
                                 std::string(parser.captured_body().in(capture.data())),
                                 parser.body_bytes(), parser.keep_alive()});
  };
  while (!stream.empty()) {
    const std::vector<char> piece(
        stream.begin(),
        stream.begin() + static_cast<std::ptrdiff_t>(std::min(piece_size, stream.size())));
    const ResponseParser before = parser;
    Status status = parser.feed({piece.data(), piece.size()});
    if (status == Status::kFailed) {
      outcome.reason = parser.reason();
      return outcome;
    }
    if (status == Status::kNeedMore) {
      stream.remove_prefix(piece.size());
      continue;
    }
    // Bytes behind a response end its connection. Here they are further responses: as if it had
    // come alone.
    const std::size_t size = parser.consumed();
    parser = before;
    status = parser.feed({piece.data(), size});
    stream.remove_prefix(size);
    keep();
    if (!parser.keep_alive()) {
      outcome.data_after_close = !stream.empty();
      return outcome;
    }
    parser.reset(capture.data(), capture.size(), options.to_head);
  }
  if (!options.finish) return outcome;
  if (parser.finish() == Status::kComplete) {
    keep();
  } else {
    outcome.reason = parser.reason();
  }
  return outcome;
}

}  // namespace headrace::core::test
