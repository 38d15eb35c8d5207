// SPDX-License-Identifier: Apache-2.0
// llhttp's own collection of cases against a listening server: what the parser's test says of each
// (tests/core/http_corpus_test.cc), over a socket, whole and in pieces.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/core/http_cases.h"
#include "tests/core/http_stream.h"
#include "tests/ingest/server_fixture.h"

namespace headrace::ingest {
namespace {

struct Verdict {
  std::vector<std::string> requests;  // that the handler got
  std::vector<int> statuses;          // that the client got
  bool ended = false;                 // the server ended the connection
  bool operator==(const Verdict&) const = default;
};

class HttpServerCorpusTest : public HttpServerTest {
 protected:
  void SetUp() override {
    if (!core::test::read_http_cases("request", cases))
      GTEST_SKIP() << "the corpus is not beside the source tree";
    ASSERT_GT(cases.size(), 100u);
    handler.answer = "ok";
  }

  // Sends all of it in pieces of that size, then says that nothing more comes.
  Verdict verdict_of(std::string_view bytes, std::size_t piece_size) {
    handler.taken.clear();
    const auto client = connect();
    for (std::size_t at = 0; at < bytes.size(); at += piece_size) {
      client->send(bytes.substr(at, piece_size));
      if (piece_size < bytes.size()) run_turns(2);
    }
    run_turns(4);
    client->poll();
    Verdict verdict;
    verdict.ended = client->end() != test::TcpClient::End::kNone;
    client->shut_down_sending();
    run_until_ended(*client);
    for (const auto& taken : handler.taken)
      verdict.requests.push_back(taken.method + ' ' + taken.target + ' ' + taken.body);
    // An answer to HEAD has no body, whatever its length says.
    const bool to_head = bytes.starts_with("HEAD");
    for (const auto& reply : client->replies(to_head)) {
      if (reply.status != 100) verdict.statuses.push_back(reply.status);
    }
    run_until([&] { return server->counters().open.value() == 0; });
    return verdict;
  }

  std::vector<core::test::HttpCase> cases;
};

TEST_F(HttpServerCorpusTest, ServerSaysWhatTheParserSaysInWhateverPieces) {
  std::size_t accepted = 0, refused = 0;
  for (const auto& each : cases) {
    for (const std::string& bytes : {each.bytes, core::test::with_host(each.bytes)}) {
      SCOPED_TRACE(each.name);
      const auto parsed = core::test::run_requests(bytes);
      const Verdict whole = verdict_of(bytes, bytes.size());
      ASSERT_EQ(whole.requests.size(), parsed.requests.size());
      // One answer for each request that was accepted, and one more for what was refused.
      std::vector<int> expected(parsed.requests.size(), 200);
      if (parsed.status != 0) expected.push_back(parsed.status);
      EXPECT_EQ(whole.statuses, expected);
      const bool last = !parsed.requests.empty() && !parsed.requests.back().keep_alive;
      EXPECT_EQ(whole.ended, parsed.status != 0 || last) << "a refusal ends the connection";
      EXPECT_TRUE(!each.must_reject || parsed.refused());
      EXPECT_TRUE(verdict_of(bytes, 1) == whole) << "byte by byte";
      EXPECT_TRUE(verdict_of(bytes, 7) == whole) << "in pieces of seven";
      ++(parsed.status == 0 ? accepted : refused);
    }
  }
  EXPECT_GT(accepted, 50u);
  EXPECT_GT(refused, 50u);
}

}  // namespace
}  // namespace headrace::ingest
