// SPDX-License-Identifier: Apache-2.0
// The client against llhttp's own collection of responses, where it is at hand, over real sockets:
// whole, byte by byte and in pieces that end nowhere in particular.
#include <signal.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/http_response.h"
#include "tests/core/http_cases.h"
#include "tests/dispatch/shard_fixture.h"

namespace headrace::dispatch {
namespace {

using core::test::HttpCase;
using store::AttemptError;
using store::Outcome;
using store::Verdict;
using test::FakeEndpoint;

// What has to come of an attempt that is answered so, by the parser that tests/core holds against
// the same collection.
struct Expected {
  AttemptError error = AttemptError::kNone;
  int status = 0;
  bool reusable = false;
  bool needs_end = false;  // without the end of the connection there is no answer
};

Expected expected_of(std::string_view bytes) {
  using Status = core::ResponseParser::Status;
  std::vector<char> capture(64 * core::limits::kKiB);
  core::ResponseParser parser;
  parser.reset(capture.data(), capture.size(), false);
  Status status = parser.feed(bytes);
  Expected expected;
  if (status == Status::kNeedMore) {
    expected.needs_end = true;
    status = parser.finish();
    if (status != Status::kComplete) expected.error = AttemptError::kClosed;
  } else if (status == Status::kFailed) {
    expected.error = AttemptError::kProtocol;
  } else {
    expected.reusable = parser.keep_alive() && parser.consumed() == bytes.size();
  }
  if (status == Status::kComplete) expected.status = parser.status_code();
  return expected;
}

}  // namespace

class ResponseCorpusTest : public ShardTest {
 protected:
  // As on the threads of loops, where it is blocked: the endpoint may write to who is gone.
  ResponseCorpusTest() { signal(SIGPIPE, SIG_IGN); }

  struct Played {
    Outcome outcome;
    std::size_t kept = 0;  // connections that are left of it
  };

  // An endpoint of its own answers so, in pieces of that size.
  Played play(std::string_view bytes, std::size_t piece_bytes, const Expected& expected) {
    const auto after =
        expected.needs_end ? FakeEndpoint::After::kClose : FakeEndpoint::After::kKeep;
    const core::EndpointNumber number{++endpoints_made_};
    set_endpoint(settings_for(serve(FakeEndpoint::drip(bytes, piece_bytes, after)).url(), number));
    const std::uint64_t before = shard->counters().connections_open.value();
    store::Delivery made = delivery(endpoints_made_);
    made.endpoint = number;
    Played played{deliver(std::move(made))};
    run_turns(bytes.size() / piece_bytes + 8);  // what comes behind the answer comes, too
    played.kept = shard->counters().connections_open.value() - before;
    return played;
  }

  std::uint32_t endpoints_made_ = 0;
};

TEST_F(ResponseCorpusTest, EveryResponseIsWhatItIsInWhateverPiecesItComes) {
  std::vector<HttpCase> cases;
  if (!core::test::read_http_cases("response", cases))
    GTEST_SKIP() << "the corpus is not beside the source tree";
  start();
  std::size_t delivered = 0, refused = 0;
  for (const HttpCase& each : cases) {
    if (each.bytes.empty()) continue;
    const Expected expected = expected_of(each.bytes);
    for (const std::size_t piece_bytes : {each.bytes.size(), std::size_t{1}, std::size_t{7}}) {
      SCOPED_TRACE(each.name + " in pieces of " + std::to_string(piece_bytes));
      const Played played = play(each.bytes, piece_bytes, expected);
      EXPECT_EQ(played.outcome.error, expected.error);
      EXPECT_EQ(played.kept, expected.reusable ? 1u : 0u);
      if (expected.error == AttemptError::kNone) {
        EXPECT_EQ(played.outcome.http_status, expected.status);
      }
      const bool good = expected.error == AttemptError::kNone && expected.status / 100 == 2;
      EXPECT_EQ(played.outcome.verdict == Verdict::kDelivered, good);
      delivered += good ? 1 : 0;
      // What llhttp says, whatever our parser says: never an answer, or one that is the last.
      if (!each.must_reject) continue;
      EXPECT_EQ(played.kept, 0u);
      if (each.messages == 0) {
        EXPECT_EQ(played.outcome.error, AttemptError::kProtocol);
      }
      refused += played.outcome.error == AttemptError::kProtocol ? 1 : 0;
    }
  }
  EXPECT_GE(delivered, 3u * 20);
  EXPECT_GE(refused, 3u * 20);
}

}  // namespace headrace::dispatch
