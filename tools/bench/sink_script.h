// SPDX-License-Identifier: Apache-2.0
// How the endpoints of a scripted sink behave: what each answers, when, and how it misbehaves.
//
// An endpoint's k-th request gets the k-th of its own random draws, so a script with one seed
// answers the same requests alike whatever the timing and whatever other endpoints do.
//
// Pure. Threads: a script never changes; an EndpointState belongs to one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.h"
#include "headrace/result.h"

namespace headrace::bench_tools {

enum class SinkFault : std::uint8_t {
  kNone,
  kHang,         // never answers, until the peer gives up
  kReset,        // resets the connection instead of an answer
  kDrip,         // sends the answer byte by byte, one each drip_ms
  kWrongLength,  // promises more bytes than it sends, then closes
};
std::string_view to_string(SinkFault fault) noexcept;

struct SinkAnswer {
  static constexpr std::uint64_t kBodyBytesMax = std::uint64_t{1} << 30;

  double weight = 1;  // how often, compared with the others
  std::uint16_t status = 200;
  SinkFault fault = SinkFault::kNone;
  std::uint32_t retry_after_s = 0;  // 0: says nothing
  std::uint64_t body_bytes = 0;
  std::uint32_t drip_ms = 100;

  bool operator==(const SinkAnswer&) const noexcept = default;
};

struct SinkLatency {
  enum class Kind : std::uint8_t { kConstant, kUniform, kExponential, kLognormal };
  static constexpr double kMsMax = 3'600'000;

  Kind kind = Kind::kConstant;
  double a_ms = 0;  // the constant, the lower bound, the mean, the median
  double b = 0;     // the upper bound in ms; sigma

  // Milliseconds before the answer; `random` decides.
  double sample(core::Random& random) const noexcept;

  bool operator==(const SinkLatency&) const noexcept = default;
};

struct SinkBehaviour {
  std::vector<SinkAnswer> answers{SinkAnswer{}};  // never empty
  SinkLatency latency;
  // Flapping, counted in requests: `up` as above, then `down` of 503, and again. 0: never down.
  std::uint32_t up = 0;
  std::uint32_t down = 0;
  // Standard Webhooks secret ("whsec_…") that requests must be signed with; empty: any will do.
  std::string secret;

  bool operator==(const SinkBehaviour&) const noexcept = default;
};

struct SinkScript {
  static constexpr std::uint32_t kEndpointsMax = 1'000'000;

  std::uint64_t seed = 1;
  std::vector<SinkBehaviour> behaviours{SinkBehaviour{}};
  std::vector<std::uint32_t> behaviour_of{0};  // of each endpoint

  std::uint32_t endpoints() const noexcept {
    return static_cast<std::uint32_t>(behaviour_of.size());
  }

  // All answer 200 at once. Requires: 1 <= endpoints <= kEndpointsMax.
  static SinkScript plain(std::uint32_t endpoints);
  // Most are well, the others are slow, fail at times or for good, hang, reset, drip, flap, or are
  // gone, as `seed` wants. Requires: as above.
  static SinkScript from_seed(std::uint64_t seed, std::uint32_t endpoints);
  // {"endpoints": 1000, "seed": 1, "default": BEHAVIOUR,
  //  "rules": [{"from": 10, "to": 19, "every": 1, …BEHAVIOUR}]}; the last rule that names an
  //  endpoint
  // counts, and begins with what the default says. BEHAVIOUR: {"answers": [{"weight", "status",
  // "fault", "retry_after_s", "body_bytes", "drip_ms"}], "latency_ms": 5 | {"uniform": [1, 9]} |
  // {"exponential": 5} | {"lognormal": [5, 0.5]}, "flapping": {"up": 30, "down": 10}, "secret"}.
  // kMalformed: not JSON; kInvalidArgument: anything else, with a pointer to the member.
  static Result<SinkScript> parse(std::string_view json);

  bool operator==(const SinkScript&) const noexcept = default;
};

// The key of "whsec_…"; nullopt: it is not base64 behind that.
std::optional<std::string> secret_key(std::string_view secret);

// What an endpoint does next.
struct SinkStep {
  static constexpr std::uint32_t kDown = ~std::uint32_t{0};  // 503, as it flaps

  std::uint32_t answer = 0;  // of its behaviour's answers, or kDown
  std::uint32_t delay_ms = 0;
};

class EndpointState {
 public:
  EndpointState(std::uint64_t seed, std::uint32_t endpoint) noexcept;
  // For its next request.
  SinkStep next(const SinkBehaviour& behaviour) noexcept;

 private:
  core::Random random_;
  std::uint32_t requests_ = 0;  // in this round of flapping
};

}  // namespace headrace::bench_tools
