// SPDX-License-Identifier: Apache-2.0
// A simulated network: streams with latency and small buffers, names, and the receivers at the
// other end.
//
// Threads: the simulation's one. What arrives is handed to the loop that the stream belongs to.
// Ownership: outlives the processes that use it; a connection is shared by both of its ends.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/loop.h"
#include "dispatch/resolver.h"
#include "dispatch/transport.h"
#include "tests/sim/agenda.h"
#include "tests/sim/dice.h"
#include "tests/sim/ledger.h"
#include "tests/sim/plan.h"
#include "tests/sim/trace.h"

namespace headrace::sim {

class Network;
class Receiver;
class SimStream;

// One connection.
struct Wire {
  Network* network = nullptr;
  core::Loop* loop = nullptr;
  SimStream* stream = nullptr;  // null: the engine has closed its end, and may be gone
  Receiver* receiver = nullptr;
  std::uint32_t endpoint = 0;
  std::uint64_t run = 0;       // of the process at its end
  bool goes_on = false;        // made for an attempt that began elsewhere
  bool under_way = false;      // an attempt is on it
  bool deaf = false;           // the receiver does not read
  bool server_done = false;    // the receiver closed or reset it
  bool reset = false;          // and the engine's side has heard of it
  bool answered = false;       // a byte of the current answer reached the engine
  std::uint32_t requests = 0;  // begun on it
  std::uint32_t received = 0;  // whole, at the receiver
  MessageId last{};            // of these
  std::size_t room = 0;        // in the buffers on the way
  Ns to_server_at = 0;         // when what was sent last arrives
  Ns to_client_at = 0;
  std::string inbox;  // arrived and not yet understood
};
using WirePtr = std::shared_ptr<Wire>;

class Receiver {
 public:
  Receiver(Network& network, const EndpointPlan& plan, Dice dice)
      : network_(network),
        plan_(plan),
        number_(static_cast<std::uint32_t>(plan.settings.number)),
        dice_(dice) {}

  std::uint32_t number() const noexcept { return number_; }
  void set_troubled(bool troubled) noexcept { troubled_ = troubled && !plan_.reliable; }
  bool troubled() const noexcept { return troubled_; }
  bool reliable() const noexcept { return plan_.reliable; }
  const EndpointPlan& plan() const noexcept { return plan_; }

  enum class Welcome : std::uint8_t { kAccept, kRefuse, kSilence };
  Welcome welcome(Wire& wire);
  Ns latency();
  void on_bytes(const WirePtr& wire, std::string_view bytes);

 private:
  Manner draw_manner(bool& usual);
  bool shows(Manner manner) const noexcept {
    return troubled_ && (plan_.manners >> static_cast<unsigned>(manner) & 1u) != 0;
  }
  void take(const WirePtr& wire, std::string_view head, std::string_view body);
  void answer(const WirePtr& wire, MessageId id, Manner manner, bool usual);
  void answer_badly(const WirePtr& wire, Manner manner);
  std::string success();
  std::string half_an_answer();

  Network& network_;
  const EndpointPlan& plan_;
  const std::uint32_t number_;
  Dice dice_;
  bool troubled_ = false;
};

class Network {
 public:
  Network(const SimClock& clock, Agenda& agenda, Trace& trace, Ledger& ledger, const Plan& plan);
  ~Network();

  std::unique_ptr<dispatch::Transport> make_transport(core::Loop& loop);
  std::unique_ptr<dispatch::Resolver> make_resolver(core::Loop& loop);
  void begin_run() noexcept { ++run_; }
  // From now on nothing goes wrong any more.
  void calm();
  std::map<std::uint32_t, std::unique_ptr<Receiver>>& receivers() noexcept { return receivers_; }

  // For streams and receivers.
  const SimClock& clock() const noexcept { return clock_; }
  Agenda& agenda() noexcept { return agenda_; }
  Trace& trace() noexcept { return trace_; }
  Ledger& ledger() noexcept { return ledger_; }
  Dice& dice() noexcept { return dice_; }
  std::uint64_t run() const noexcept { return run_; }
  bool names_fail() const noexcept { return names_fail_; }
  std::size_t buffer_bytes() noexcept;

  // What the receiver sends. `ends`: with these bytes the answer is whole.
  void send_to_client(const WirePtr& wire, Ns delay, std::string bytes, bool ends);
  void close_to_client(const WirePtr& wire, Ns delay, bool in_order);
  void send_to_server(const WirePtr& wire, std::string bytes);
  void end_attempt(Wire& wire);

 private:
  const SimClock& clock_;
  Agenda& agenda_;
  Trace& trace_;
  Ledger& ledger_;
  const Plan& plan_;
  Dice dice_;
  std::map<std::uint32_t, std::unique_ptr<Receiver>> receivers_;
  std::uint64_t run_ = 0;
  bool names_fail_ = false;

 public:
  // The stream whose end the engine is being told of: what it connects meanwhile continues the
  // attempt.
  const SimStream* telling = nullptr;
  bool telling_resends = false;
};

class SimStream final : public dispatch::Stream {
 public:
  SimStream(Network& network, core::Loop& loop, dispatch::StreamOwner& owner)
      : network_(network), loop_(loop), owner_(owner) {}
  ~SimStream() override;

  bool connect(const sockaddr& address) noexcept override;
  std::optional<std::size_t> try_write(const uv_buf_t* list, unsigned count) noexcept override;
  bool write(const uv_buf_t* list, unsigned count) noexcept override;
  void close() noexcept override;

  // For the network, on the stream's loop.
  void connected(bool connected);
  void arrived(std::string_view bytes, bool ends);
  void ended(bool in_order);
  void pump();  // there is room again

 private:
  void closed();

  Network& network_;
  core::Loop& loop_;
  dispatch::StreamOwner& owner_;
  WirePtr wire_;
  std::vector<std::string_view> left_;  // of write()
  bool writing_ = false;
  bool open_ = false;
};

}  // namespace headrace::sim
