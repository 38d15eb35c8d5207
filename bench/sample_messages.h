// SPDX-License-Identifier: Apache-2.0
// A usual webhook request and its answer as they stand on the wire.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace headrace::bench {

inline constexpr std::size_t kUsualBodyBytes = 7 * 1024;

inline constexpr std::string_view kUsualFields =
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

// Posted to the link of `token`, with further lines.
inline std::string request_to(std::string_view token, std::string_view lines,
                              std::string_view body) {
  return "POST /in/" + std::string(token) + " HTTP/1.1\r\n" + std::string(lines) + "\r\n" +
         std::string(body);
}

inline std::string request_by_length(std::string_view token, std::string_view body) {
  return request_to(
      token, std::string(kUsualFields) + "Content-Length: " + std::to_string(body.size()) + "\r\n",
      body);
}

inline std::string request_by_chunks(std::string_view token, std::string_view body) {
  std::string chunks;
  for (; !body.empty(); body.remove_prefix(std::min<std::size_t>(body.size(), 1024))) {
    constexpr char kHex[] = "0123456789abcdef";
    const std::string_view chunk = body.substr(0, 1024);
    chunks += {kHex[chunk.size() >> 8], kHex[chunk.size() >> 4 & 15], kHex[chunk.size() & 15]};
    chunks.append("\r\n").append(chunk).append("\r\n");
  }
  return request_to(token, std::string(kUsualFields) + "Transfer-Encoding: chunked\r\n",
                    chunks + "0\r\n\r\n");
}

inline constexpr std::string_view kUsualToken = "2vK8sQ0cW1mZ7xY4bN6tR3";

inline constexpr std::string_view kUsualResponse =
    "HTTP/1.1 200 OK\r\n"
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 15\r\n"
    "Connection: keep-alive\r\n"
    "\r\n"
    "{\"status\":\"ok\"}";

}  // namespace headrace::bench
