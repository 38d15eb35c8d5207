// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/sink_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <optional>
#include <utility>

#include "core/encoding.h"
#include "tools/json_value.h"

namespace headrace::bench_tools {
namespace {

using tools::Json;
using tools::JsonMember;

constexpr std::array<std::string_view, 5> kFaultNames = {"none", "hang", "reset", "drip",
                                                         "wrong_length"};

double unit(core::Random& random) noexcept {  // in [0, 1)
  return static_cast<double>(random.next() >> 11) * 0x1p-53;
}

// Box and Muller; one of the two is enough.
double normal(core::Random& random) noexcept {
  const double radius = std::sqrt(-2 * std::log(1 - unit(random)));
  return radius * std::cos(2 * std::numbers::pi * unit(random));
}

// Reads members, and keeps the first fault with where it is.
class Reader {
 public:
  // Every member must be one of `names`.
  void check_names(const Json& object, const std::string& where,
                   std::initializer_list<std::string_view> names) {
    if (!object.is_object()) return fail(where, "must be an object");
    for (const JsonMember& member : object.members) {
      if (std::find(names.begin(), names.end(), member.name) == names.end())
        fail(where + '/' + member.name, "is not known");
    }
  }

  double number(const Json& value, const std::string& where, double min, double max) {
    double number = 0;
    const char* const end = value.text.data() + value.text.size();
    const bool is_number = value.kind == Json::Kind::kNumber &&
                           std::from_chars(value.text.data(), end, number).ec == std::errc();
    if (is_number && number >= min && number <= max) return number;
    fail(where, fmt::format("must be a number from {} to {}", min, max));
    return min;
  }

  // `otherwise` where there is none.
  template <class T>
  T integer(const Json& object, std::string_view name, const std::string& where, T otherwise,
            double min, double max) {
    const Json* const value = object.find(name);
    if (value == nullptr) return otherwise;
    const std::string at = fmt::format("{}/{}", where, name);
    const double given = number(*value, at, min, max);
    if (given != std::floor(given)) fail(at, "must be a whole number");
    return static_cast<T>(given);
  }

  void fail(const std::string& where, const std::string& what) {
    if (!error_) error_ = Error{ErrorCode::kInvalidArgument, where + ' ' + what};
  }
  const std::optional<Error>& error() const noexcept { return error_; }

 private:
  std::optional<Error> error_;
};

SinkAnswer answer_of(const Json& json, const std::string& where, Reader& reader) {
  reader.check_names(json, where,
                     {"weight", "status", "fault", "retry_after_s", "body_bytes", "drip_ms"});
  SinkAnswer answer;
  if (const Json* weight = json.find("weight"))
    answer.weight = reader.number(*weight, where + "/weight", 0, 1e9);
  answer.status = reader.integer<std::uint16_t>(json, "status", where, 200, 200, 599);
  answer.retry_after_s =
      reader.integer<std::uint32_t>(json, "retry_after_s", where, 0, 0, 1'000'000'000);
  answer.body_bytes = reader.integer<std::uint64_t>(json, "body_bytes", where, 0, 0,
                                                    static_cast<double>(SinkAnswer::kBodyBytesMax));
  answer.drip_ms = reader.integer<std::uint32_t>(json, "drip_ms", where, 100, 1, 3'600'000);
  const Json* const fault = json.find("fault");
  if (fault == nullptr) return answer;
  const auto name = std::find(kFaultNames.begin(), kFaultNames.end(), fault->text);
  if (!fault->is_string() || name == kFaultNames.end()) {
    reader.fail(where + "/fault", "must be none, hang, reset, drip or wrong_length");
    return answer;
  }
  answer.fault = static_cast<SinkFault>(name - kFaultNames.begin());
  return answer;
}

std::vector<SinkAnswer> answers_of(const Json& json, const std::string& where, Reader& reader) {
  std::vector<SinkAnswer> answers;
  double weight = 0;
  for (std::size_t i = 0; i < json.items.size(); ++i) {
    answers.push_back(answer_of(json.items[i], fmt::format("{}/{}", where, i), reader));
    weight += answers.back().weight;
  }
  if (!json.is_array() || weight <= 0) {
    reader.fail(where, "must be a list of answers, one of them with a weight above 0");
    return {SinkAnswer{}};
  }
  return answers;
}

SinkLatency latency_of(const Json& json, const std::string& where, Reader& reader) {
  using Kind = SinkLatency::Kind;
  const auto ms = [&](const Json& value, const std::string& at) {
    return reader.number(value, at, 0, SinkLatency::kMsMax);
  };
  if (!json.is_object()) return {Kind::kConstant, ms(json, where), 0};
  reader.check_names(json, where, {"uniform", "exponential", "lognormal"});
  if (json.members.size() != 1) {
    reader.fail(where, "must be a number or one distribution");
    return {};
  }
  const auto& [name, value] = json.members.front();
  const std::string at = where + '/' + name;
  if (name == "exponential") return {Kind::kExponential, ms(value, at), 0};
  if (!value.is_array() || value.items.size() != 2) {
    reader.fail(at, "must be a list of two numbers");
    return {};
  }
  const double first = ms(value.items[0], at + "/0");
  if (name == "lognormal")
    return {Kind::kLognormal, first, reader.number(value.items[1], at + "/1", 0, 10)};
  return {Kind::kUniform, first,
          reader.number(value.items[1], at + "/1", first, SinkLatency::kMsMax)};
}

// `behaviour` with what the members say instead.
SinkBehaviour read_behaviour(const Json& json, const std::string& where, SinkBehaviour behaviour,
                             Reader& reader) {
  if (const Json* answers = json.find("answers"))
    behaviour.answers = answers_of(*answers, where + "/answers", reader);
  if (const Json* latency = json.find("latency_ms"))
    behaviour.latency = latency_of(*latency, where + "/latency_ms", reader);
  if (const Json* flapping = json.find("flapping")) {
    const std::string at = where + "/flapping";
    reader.check_names(*flapping, at, {"up", "down"});
    behaviour.up = reader.integer<std::uint32_t>(*flapping, "up", at, 1, 1, 1e9);
    behaviour.down = reader.integer<std::uint32_t>(*flapping, "down", at, 1, 0, 1e9);
  }
  if (const Json* secret = json.find("secret")) {
    if (!secret->is_string() || !secret_key(secret->text))
      reader.fail(where + "/secret", "must be whsec_ and base64");
    behaviour.secret = secret->text;
  }
  return behaviour;
}

void apply_rule(const Json& rule, const std::string& where, SinkScript& script, Reader& reader) {
  reader.check_names(rule, where,
                     {"from", "to", "every", "answers", "latency_ms", "flapping", "secret"});
  const double last = script.endpoints() - 1;
  const auto from = reader.integer<std::uint32_t>(rule, "from", where, 0, 0, last);
  const auto to =
      reader.integer<std::uint32_t>(rule, "to", where, script.endpoints() - 1, from, last);
  const auto every = reader.integer<std::uint32_t>(rule, "every", where, 1, 1, last + 1);
  const auto behaviour = static_cast<std::uint32_t>(script.behaviours.size());
  script.behaviours.push_back(read_behaviour(rule, where, script.behaviours.front(), reader));
  for (std::uint64_t i = from; i <= to; i += every) script.behaviour_of[i] = behaviour;
}

// What endpoints that are not well are like, about one kind in eight each.
SinkBehaviour misbehaviour(core::Random& random) {
  SinkBehaviour behaviour;
  SinkAnswer& answer = behaviour.answers.front();
  answer.weight = 1 + static_cast<double>(random.below(9));
  const auto at_times = [&](SinkAnswer other) { behaviour.answers.push_back(other); };
  switch (random.below(8)) {
    case 0:  // slow
      behaviour.latency = {SinkLatency::Kind::kLognormal,
                           50.0 + static_cast<double>(random.below(450)), 0.5};
      break;
    case 1:
      at_times({.status = 503, .retry_after_s = static_cast<std::uint32_t>(random.below(3))});
      break;
    case 2:
      answer.status = 410;
      break;
    case 3:
      at_times({.fault = SinkFault::kHang});
      break;
    case 4:
      at_times({.fault = SinkFault::kReset});
      break;
    case 5:
      at_times({.fault = SinkFault::kDrip, .drip_ms = 20});
      break;
    case 6:
      at_times({.body_bytes = std::uint64_t{8} << 20});
      at_times({.fault = SinkFault::kWrongLength});
      break;
    default:
      behaviour.up = 10 + static_cast<std::uint32_t>(random.below(90));
      behaviour.down = 1 + static_cast<std::uint32_t>(random.below(30));
      break;
  }
  return behaviour;
}

}  // namespace

std::string_view to_string(SinkFault fault) noexcept {
  return kFaultNames[static_cast<std::size_t>(fault)];
}

std::optional<std::string> secret_key(std::string_view secret) {
  constexpr std::string_view kPrefix = "whsec_";
  if (!secret.starts_with(kPrefix)) return std::nullopt;
  secret.remove_prefix(kPrefix.size());
  std::string key(secret.size(), '\0');
  const auto size = core::read_base64(secret, key, core::Base64::kAnyPadding);
  if (!size || *size == 0) return std::nullopt;
  key.resize(*size);
  return key;
}

double SinkLatency::sample(core::Random& random) const noexcept {
  double ms = a_ms;
  switch (kind) {
    case Kind::kConstant:
      break;
    case Kind::kUniform:
      ms = a_ms + (b - a_ms) * unit(random);
      break;
    case Kind::kExponential:
      ms = -a_ms * std::log(1 - unit(random));
      break;
    case Kind::kLognormal:
      ms = a_ms * std::exp(b * normal(random));
      break;
  }
  return std::clamp(ms, 0.0, kMsMax);
}

SinkScript SinkScript::plain(std::uint32_t endpoints) {
  SinkScript script;
  script.behaviour_of.assign(endpoints, 0);
  return script;
}

SinkScript SinkScript::from_seed(std::uint64_t seed, std::uint32_t endpoints) {
  SinkScript script = plain(endpoints);
  script.seed = seed;
  core::Random random(seed);
  script.behaviours.front().latency = {SinkLatency::Kind::kExponential, 2, 0};
  constexpr std::uint64_t kKinds = 40;
  for (std::uint64_t i = 0; i < kKinds; ++i) script.behaviours.push_back(misbehaviour(random));
  for (std::uint32_t& behaviour : script.behaviour_of) {
    if (random.below(5) == 0) behaviour = 1 + static_cast<std::uint32_t>(random.below(kKinds));
  }
  return script;
}

Result<SinkScript> SinkScript::parse(std::string_view text) {
  auto json = tools::parse_json(text);
  if (!json) return json.error();
  Reader reader;
  reader.check_names(*json, "", {"endpoints", "seed", "default", "rules"});
  SinkScript script =
      plain(reader.integer<std::uint32_t>(*json, "endpoints", "", 1, 1, kEndpointsMax));
  script.seed = reader.integer<std::uint64_t>(*json, "seed", "", 1, 0, 0x1p53);
  if (const Json* behaviour = json->find("default")) {
    reader.check_names(*behaviour, "/default", {"answers", "latency_ms", "flapping", "secret"});
    script.behaviours.front() = read_behaviour(*behaviour, "/default", {}, reader);
  }
  if (const Json* rules = json->find("rules")) {
    if (!rules->is_array()) reader.fail("/rules", "must be a list");
    for (std::size_t i = 0; i < rules->items.size(); ++i)
      apply_rule(rules->items[i], fmt::format("/rules/{}", i), script, reader);
  }
  if (reader.error()) return *reader.error();
  return script;
}

EndpointState::EndpointState(std::uint64_t seed, std::uint32_t endpoint) noexcept
    // Seeds of neighbours are far apart, as the generator mixes its seed.
    : random_(seed * 0x9e3779b97f4a7c15 + endpoint) {}

SinkStep EndpointState::next(const SinkBehaviour& behaviour) noexcept {
  SinkStep step;
  step.delay_ms = static_cast<std::uint32_t>(std::lround(behaviour.latency.sample(random_)));
  if (behaviour.down > 0) {
    const std::uint32_t turn = requests_;
    requests_ = (requests_ + 1) % (behaviour.up + behaviour.down);
    if (turn >= behaviour.up) {
      step.answer = SinkStep::kDown;
      return step;
    }
  }
  if (behaviour.answers.size() == 1) return step;
  double weight = 0;
  for (const SinkAnswer& answer : behaviour.answers) weight += answer.weight;
  double at = unit(random_) * weight;
  for (; step.answer + 1 < behaviour.answers.size(); ++step.answer) {
    at -= behaviour.answers[step.answer].weight;
    if (at < 0) break;
  }
  return step;
}

}  // namespace headrace::bench_tools
