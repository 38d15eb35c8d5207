// SPDX-License-Identifier: Apache-2.0
// An HTTP server on a real loopback socket, and four clients that do what the input says: requests
// good and bad, in any pieces, pipelined, cut off, reset; answers late and in any order; time
// passes by hand. One server lives through many inputs.
//
// What the codec makes of each client's whole stream is what the client must have got in the end:
// one answer for each request, in order, with its own body, then at most one refusal, then an
// orderly end. Where a connection was cut, time ran out or there was no room, it is a beginning of
// that. When all are gone, nothing is left of them: no connection and no buffer.
#include <sched.h>
#include <signal.h>

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/buffer.h"
#include "core/http_request.h"
#include "core/limits.h"
#include "core/loop.h"
#include "ingest/http_server.h"
#include "ingest/listener.h"
#include "tests/fuzz/input.h"
#include "tests/support/manual_clock.h"
#include "tests/support/tcp_client.h"

namespace headrace::ingest {
namespace {

using fuzz::require;
using test::TcpClient;

constexpr std::size_t kClients = 4;
constexpr std::size_t kBodyBytesMax = 4096;
constexpr std::size_t kStreamBytesMax = 256 * 1024;
constexpr std::size_t kStepsMax = 400;
constexpr std::size_t kConnectionsMax = 4000;      // of one server
constexpr std::size_t kTurnsMax = 200'000;         // far more than anything needs
constexpr std::string_view kRefused = "/refused";  // by its head
constexpr std::string_view kLast = "/last";        // answered by the last answer of its connection

HeadDecision decision_for(std::string_view target) noexcept {
  HeadDecision decision{.body_bytes_max = kBodyBytesMax};
  if (target.starts_with(kRefused)) decision.refuse_status = 404;
  return decision;
}

// Echoes bodies, at once or when it is told to.
class Echo final : public HttpHandler {
 public:
  HeadDecision on_head(const core::RequestHead& head, const char* base) noexcept override {
    return decision_for(head.target.in(base));
  }
  void on_request(const IncomingRequest& request, ResponseToken token) noexcept override {
    const bool last = request.head.target.in(request.base).starts_with(kLast);
    waiting.push_back({token, request.buffer, request.in_buffer(request.body), last});
    if (at_once) answer(waiting.size() - 1);
  }
  void answer(std::size_t which) noexcept {
    Waiting one = std::move(waiting[which]);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(which));
    const std::string_view body = one.body.in(one.buffer.data());
    server->respond(one.token, {.content_type = "text/plain", .body = body, .close = one.last});
    // A second answer is nobody's.
    if (twice) server->respond(one.token, {.status = 500});
  }

  struct Waiting {
    ResponseToken token;
    core::BufferRef buffer;
    core::Range body;
    bool last;
  };
  HttpServer* server = nullptr;
  bool at_once = true;
  bool twice = false;
  std::deque<Waiting> waiting;
};

// `crowded`: there is room for two clients and for few buffers, so that others must go.
struct Rig {
  explicit Rig(bool is_crowded) : crowded(is_crowded) {
    signal(SIGPIPE, SIG_IGN);
    echo.server = &server;
    auto socket = BoundSocket::bind(*ListenAddress::parse("127.0.0.1:0"));
    require(socket.has_value());
    const ListenAddress bound = socket->address();
    port = ntohs(reinterpret_cast<const sockaddr_in&>(bound.address).sin_port);
    require(server.listen(std::move(*socket)).has_value());
  }
  ~Rig() {
    bool stopped = false;
    server.stop([&] { stopped = true; });
    run_until([&] { return stopped; });
  }
  void turn(std::size_t count) {
    for (; count != 0; --count) loop.run_once();
  }
  void run_until(const std::function<bool()>& condition) {
    for (std::size_t turns = 0; !condition(); ++turns) {
      require(turns < kTurnsMax);
      loop.run_once();
      if (turns % 16 == 15) sched_yield();
    }
  }

  // Connections taken or turned away.
  std::uint64_t clients_seen() const {
    return server.counters().connections.value() + server.counters().shed.value();
  }

  const bool crowded;
  test::ManualClock clock;
  core::Loop loop{clock};
  core::BufferPool pool{crowded ? 96 * core::limits::kKiB : 64 * core::limits::kMiB};
  Echo echo;
  HttpServer server{loop, pool, echo, {.connections_max = crowded ? 2U : 64U}};
  std::uint16_t port = 0;
};

struct Expected {
  int status = 200;
  bool head_only = false;
  std::string body;  // of a 200
};

struct Reading {
  std::vector<Expected> answers;
  std::size_t invitations = 0;  // requests that may be answered by 100 first
  bool ends = false;            // the server closes behind the last answer
};

// What a client that sends all of this must get.
Reading read_stream(std::string stream) {
  using Status = core::RequestParser::Status;
  Reading reading;
  core::RequestParser parser;
  for (std::size_t start = 0; start < stream.size() && !reading.ends;) {
    char* const base = stream.data() + start;
    const std::size_t size = stream.size() - start;
    parser.reset(core::limits::kBodyBytesMaxDefault);
    Status status = parser.parse(base, size);
    int refusal = parser.status();
    if (status == Status::kHeadComplete) {
      const HeadDecision decision = decision_for(parser.head().target.in(base));
      parser.set_body_max(decision.body_bytes_max);
      refusal = decision.refuse_status;
      if (refusal == 0 && parser.head().expect_continue) ++reading.invitations;
      status = refusal != 0 ? Status::kFailed : parser.parse(base, size);
      if (refusal == 0) refusal = parser.status();
    }
    if (status == Status::kNeedMore) break;
    const bool head_only = parser.head().method == core::Method::kHead;
    if (status == Status::kFailed) {
      reading.answers.push_back({refusal, head_only, {}});
      reading.ends = true;
      break;
    }
    reading.answers.push_back({200, head_only, std::string(parser.body().in(base))});
    reading.ends = !parser.head().keep_alive || parser.head().target.in(base).starts_with(kLast);
    start += parser.end();
  }
  return reading;
}

class Client {
 public:
  explicit Client(Rig& rig) : rig_(rig) {
    const std::uint64_t before = rig.clients_seen();
    socket_ = std::make_unique<TcpClient>(rig.port);
    rig.run_until([&] { return rig.clients_seen() > before; });
    since_ = rig.clock.wall_ms();
  }

  void queue(std::string_view bytes) {
    if (!half_closed_ && sent_.size() + outbox_.size() + bytes.size() <= kStreamBytesMax)
      outbox_ += bytes;
  }
  void send(std::size_t bytes) {
    if (half_closed_) return;
    const std::size_t size = socket_->send(std::string_view(outbox_).substr(0, bytes));
    sent_.append(outbox_, 0, size);
    outbox_.erase(0, size);
  }
  void half_close() {
    socket_->shut_down_sending();
    half_closed_ = true;
    outbox_.clear();
  }
  void poll() { socket_->poll(); }
  void reset() { socket_->reset(); }

  // Sends the rest, reads everything, and holds it against what it should be.
  void finish() {
    rig_.run_until([&] {
      send(outbox_.size());
      socket_->poll();
      return outbox_.empty() || socket_->end() != TcpClient::End::kNone;
    });
    if (!half_closed_) half_close();
    rig_.run_until([&] {
      socket_->poll();
      return socket_->end() != TcpClient::End::kNone;
    });
    check(true);
  }
  void check(bool whole) const {
    // Shorter than every deadline, and with room for everybody.
    const bool undisturbed = !rig_.crowded && rig_.clock.wall_ms() - since_ < 2'000;
    check_answers(read_stream(sent_), whole && undisturbed, undisturbed);
  }

 private:
  void check_answers(const Reading& reading, bool whole, bool undisturbed) const {
    std::string_view rest = socket_->received();
    std::size_t count = 0, invitations = 0;
    while (!rest.empty()) {
      const std::size_t head_end = rest.find("\r\n\r\n");
      if (head_end == std::string_view::npos) break;
      require(rest.starts_with("HTTP/1.1 "));
      const auto replies = test::replies_in(rest.substr(0, head_end + 4), true);
      require(replies.size() == 1);
      const test::HttpReply& reply = replies.front();
      rest.remove_prefix(head_end + 4);
      if (reply.status == 100) {
        ++invitations;
        continue;
      }
      if (reply.status == 408 || reply.status == 503) {
        require(!undisturbed);
        require(reply.status == 408 || rig_.crowded);
        return;
      }
      require(count < reading.answers.size());
      const Expected& expected = reading.answers[count];
      require(reply.status == expected.status);
      const std::size_t size = std::stoul(reply.header("content-length"));
      if (expected.status == 200) require(size == expected.body.size());
      if (!expected.head_only) {
        if (rest.size() < size) {  // cut
          require(!whole);
          return;
        }
        if (expected.status == 200) require(rest.substr(0, size) == expected.body);
        rest.remove_prefix(size);
      }
      ++count;
      const bool last = reading.ends && count == reading.answers.size();
      require((reply.header("connection") == "close") == last);
    }
    require(invitations <= reading.invitations);
    if (!whole) return;
    require(rest.empty() && count == reading.answers.size());
    require(socket_->end() == TcpClient::End::kClosed);
  }

  Rig& rig_;
  std::unique_ptr<TcpClient> socket_;
  core::WallMs since_ = 0;
  std::string outbox_;
  std::string sent_;
  bool half_closed_ = false;
};

std::string chunked(std::string_view body, std::size_t chunk) {
  std::string text;
  for (; !body.empty(); body.remove_prefix(std::min(chunk, body.size()))) {
    char size[20];
    std::snprintf(size, sizeof size, "%zX", std::min(chunk, body.size()));
    text.append(size).append(chunk % 3 == 0 ? ";a=b\r\n" : "\r\n");
    text.append(body.substr(0, chunk)).append("\r\n");
  }
  return text + (chunk % 2 == 0 ? "0\r\n\r\n" : "0\r\nT: v\r\n\r\n");
}

std::string good_request(fuzz::Input& input) {
  const std::size_t kind = input.byte();
  std::string body(input.number(2) % (kBodyBytesMax + 1), static_cast<char>('a' + kind % 26));
  const std::string lines = kind % 5 == 4 ? "Expect: 100-continue\r\n" : "";
  switch (kind % 8) {
    case 0:
      return test::http_request("GET", "/get", {}, lines);
    case 1:
      return "POST /in/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + lines + "\r\n" +
             chunked(body, 1 + kind * 3);
    case 2:
      return test::http_request("HEAD", "/head");
    case 3:
      return "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: " +
             std::to_string(body.size()) + "\r\n\r\n" + body;
    default:
      return test::http_request("POST", kind == 39 ? kLast : "/in/x?a=b", body, lines);
  }
}

std::string bad_request(fuzz::Input& input) {
  constexpr std::string_view kLines[] = {
      "GET / HTTP/1.1\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2000\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
      "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
      "HEAD /refused HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
      "HEAD / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\r\n"};
  return std::string(kLines[input.byte() % std::size(kLines)]);
}

class Session {
 public:
  explicit Session(Rig& rig) : rig_(rig) {}

  void step(fuzz::Input& input) {
    const std::size_t choice = input.byte();
    std::unique_ptr<Client>& client = clients_[choice % kClients];
    if (!client) client = std::make_unique<Client>(rig_);
    Echo& echo = rig_.echo;
    switch (choice / kClients % 14) {
      case 0:
      case 1:
      case 2:
        client->queue(good_request(input));
        break;
      case 3:
        client->queue(bad_request(input));
        break;
      case 4:
        client->queue(input.take(input.byte()));
        break;
      case 5:
      case 6:
        client->send(input.byte());
        rig_.turn(1);
        break;
      case 7:
        client->send(kStreamBytesMax);
        rig_.turn(input.byte() % 4);
        break;
      case 8:
        rig_.turn(input.byte() % 8);
        client->poll();
        break;
      case 9:
        client->half_close();
        break;
      case 10:
        client->poll();
        client->check(false);
        client->reset();
        client.reset();
        break;
      case 11:
        // Mostly less than any deadline.
        rig_.clock.advance(std::chrono::milliseconds(input.byte() < 224 ? 50 : 9'000));
        rig_.turn(3);
        break;
      case 12:
        echo.at_once = !echo.at_once;
        break;
      default:
        if (!echo.waiting.empty()) echo.answer(input.byte() % echo.waiting.size());
        rig_.turn(1);
    }
  }

  void finish(fuzz::Input& input) {
    Echo& echo = rig_.echo;
    rig_.turn(2);
    while (!echo.waiting.empty()) echo.answer(input.byte() % echo.waiting.size());
    echo.at_once = true;
    for (auto& client : clients_) {
      if (client) client->finish();
      client.reset();
    }
    rig_.run_until([&] { return rig_.server.drained(); });
    require(echo.waiting.empty());
    require(rig_.pool.bytes_used() == 0);
    require(rig_.server.counters().open.value() == 0);
  }

 private:
  Rig& rig_;
  std::array<std::unique_ptr<Client>, kClients> clients_;
};

}  // namespace
}  // namespace headrace::ingest

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace::ingest;
  headrace::fuzz::Input input(data, size);
  const int shape = input.byte();
  const bool crowded = shape % 4 >= 2;
  static std::array<std::unique_ptr<Rig>, 2> rigs;
  std::unique_ptr<Rig>& kept = rigs[crowded ? 1 : 0];
  // Connections that are over hold their ports for a while; another port of the server's frees
  // them.
  if (kept && kept->server.counters().connections.value() > kConnectionsMax) kept.reset();
  if (!kept) kept = std::make_unique<Rig>(crowded);
  Rig& rig = *kept;
  rig.echo.twice = shape % 2 == 1;
  Session session(rig);
  for (std::size_t steps = 0; !input.empty() && steps < kStepsMax; ++steps) session.step(input);
  session.finish(input);
  return 0;
}
