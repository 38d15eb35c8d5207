// SPDX-License-Identifier: Apache-2.0
// The signature of one delivery: by HMAC, by two during a rotation, in the other shapes, and by
// Ed25519; beside them the bare SHA-256 of the body in the same run. allocs_per_op must be 0 but
// for the last; the program fails when it is not.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <string_view>

#include "bench/cost.h"
#include "core/hmac.h"
#include "dispatch/signer.h"

namespace headrace::dispatch {
namespace {

struct Kind {
  SignatureShape shape = SignatureShape::kStandard;
  bool is_asymmetric = false;
  bool is_rotated = false;
};

void sign(benchmark::State& state, const Kind& kind) {
  SignerSettings settings;
  settings.shape = kind.shape;
  settings.secret = new_signing_secret(kind.is_asymmetric);
  if (kind.is_rotated) {
    settings.previous = new_signing_secret(kind.is_asymmetric);
    settings.previous_until = 2;
  }
  const auto signer = *Signer::make(std::move(settings));
  const std::string body(static_cast<std::size_t>(state.range(0)), 'b');
  const Signed what{
      .id = "msg_0000000000000000000000", .timestamp = "1700000000", .body = body, .now = 1};
  std::array<char, Signer::kLineBytesMax> line;
  const bench::Cost cost;
  for (auto _ : state) benchmark::DoNotOptimize(signer->write(what, line.data()));
  const auto made = cost.report_rounds(state, body.size());
  if (made != 0 && !kind.is_asymmetric) state.SkipWithError("signing allocated");
}

constexpr std::int64_t kUsual = 7 * 1024;
constexpr std::int64_t kSmall = 200;
constexpr std::int64_t kLarge = 1 << 20;

void bare_sha256(benchmark::State& state) {
  const std::string body(static_cast<std::size_t>(state.range(0)), 'b');
  const bench::Cost cost;
  for (auto _ : state) benchmark::DoNotOptimize(core::digest_of(core::Hash::kSha256, body));
  cost.report_rounds(state, body.size());
}
BENCHMARK(bare_sha256)->Arg(kSmall)->Arg(kUsual)->Arg(kLarge);

BENCHMARK_CAPTURE(sign, v1, Kind{})->Arg(kSmall)->Arg(kUsual)->Arg(kLarge);
BENCHMARK_CAPTURE(sign, v1_rotated, Kind{.is_rotated = true})->Arg(kUsual);
BENCHMARK_CAPTURE(sign, github, Kind{.shape = SignatureShape::kGithub})->Arg(kUsual);
BENCHMARK_CAPTURE(sign, stripe, Kind{.shape = SignatureShape::kStripe})->Arg(kUsual);
BENCHMARK_CAPTURE(sign, v1a, Kind{.is_asymmetric = true})->Arg(kUsual);

}  // namespace
}  // namespace headrace::dispatch

BENCHMARK_MAIN();
