// SPDX-License-Identifier: Apache-2.0
// Answers to providers that ask whether somebody listens. Pure.
//
// What is echoed is somebody else's text: it is bounded, of one line, and sent as plain text that
// no browser takes for anything else.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/hmac.h"
#include "ingest/verification/settings.h"
#include "ingest/verification/verifier.h"

namespace headrace::verification {

inline constexpr std::size_t kEchoBytesMax = 4096;
inline constexpr std::size_t kChallengeBodyBytesMax = 16 * 1024;

// None: too long, empty, or of more than one line.
std::optional<Reply> echo_text(std::string_view text);
Reply json_reply(std::string body);

// Of a body that was found genuine: the answer when it is that question.
std::optional<Reply> answer_zoom(const Received& received, const core::HmacKey& key);
std::optional<Reply> answer_slack(const Received& received);
std::optional<Reply> answer_twitch(const Received& received);
std::optional<Reply> answer_discord(const Received& received);

// Of a request that nobody signed.
std::optional<Reply> answer_hub(const Received& received, const core::Digest& verify_token);
std::optional<Reply> answer_crc(const Received& received, const core::HmacKey& key,
                                std::string_view prefix);
std::optional<Reply> answer_okta(const Received& received);
std::optional<Reply> answer_validation_token(const Received& received);

// CloudEvents 1.0, HTTP 1.1 Web Hooks, section 4: who may send events here, and how many.
struct CloudEventsOrigins {
  std::vector<std::string> origins;  // "*": all
  std::optional<std::int64_t> rate;  // a minute; none: any
};
std::optional<CloudEventsOrigins> read_cloudevents(Settings& settings);
std::optional<Reply> answer_cloudevents(const Received& received,
                                        const CloudEventsOrigins& allowed);

}  // namespace headrace::verification
