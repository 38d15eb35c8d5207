// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/check.h"

namespace headrace::sim {

namespace {

constexpr std::uint32_t kGoodNetwork = 0x0a010000;  // 10.1.0.0
constexpr std::uint32_t kBadNetwork = 0x0a020000;   // 10.2.0.0: nobody is there

std::uint32_t address_of(const sockaddr& address) noexcept {
  return ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr);
}

dispatch::SocketAddress socket_address(std::uint32_t address) noexcept {
  dispatch::SocketAddress made{};
  made.v4.sin_family = AF_INET;
  made.v4.sin_addr.s_addr = htonl(address);
  return made;
}

MessageId id_in(std::string_view head) {
  constexpr std::string_view kName = "webhook-id: ";
  const std::size_t at = head.find(kName);
  if (at == std::string_view::npos) return {};
  const auto id = MessageId::parse(head.substr(at + kName.size(), MessageId::kTextSize));
  return id ? *id : MessageId{};
}

class SimTransport final : public dispatch::Transport {
 public:
  SimTransport(Network& network, core::Loop& loop) : network_(network), loop_(loop) {}
  std::unique_ptr<dispatch::Stream> make_stream(dispatch::StreamOwner& owner) override {
    return std::make_unique<SimStream>(network_, loop_, owner);
  }

 private:
  Network& network_;
  core::Loop& loop_;
};

// "eN.test" is 10.1.0.N, sometimes behind an address where nobody is.
class SimResolver final : public dispatch::Resolver {
 public:
  SimResolver(Network& network, core::Loop& loop)
      : network_(network), loop_(loop), alive_(std::make_shared<bool>(true)) {}
  ~SimResolver() override { *alive_ = false; }

  std::optional<dispatch::Addresses> resolve(std::string_view host,
                                             dispatch::ResolveRequest& request) override {
    if (auto known = dispatch::known_addresses(host)) return known;
    std::uint32_t number = 0;
    std::from_chars(host.data() + 1, host.data() + host.size(), number);
    Dice& dice = network_.dice();
    const bool troubled = network_.names_fail() && !network_.receivers().at(number)->reliable();
    dispatch::Addresses found;
    if (!troubled || !dice.one_in(3)) {
      if (network_.receivers().at(number)->plan().first_address_bad)
        found.add(socket_address(kBadNetwork | number));
      found.add(socket_address(kGoodNetwork | number));
    }
    waiting_.push_back(&request);
    network_.trace().note("resolve", number, found.count);
    if (troubled && dice.one_in(3)) return std::nullopt;  // for ever
    const auto answer = [this, alive = alive_, asking = &request, found] {
      if (!*alive) return;
      loop_.post([this, alive, asking, found] {
        if (!*alive || std::erase(waiting_, asking) == 0) return;
        asking->on_resolved(*asking, found);
      });
    };
    network_.agenda().after(dice.below(20 * kMs), answer);
    return std::nullopt;
  }
  void cancel(dispatch::ResolveRequest& request) noexcept override {
    std::erase(waiting_, &request);
  }

 private:
  Network& network_;
  core::Loop& loop_;
  std::shared_ptr<bool> alive_;
  std::vector<dispatch::ResolveRequest*> waiting_;
};

}  // namespace

Network::Network(const SimClock& clock, Agenda& agenda, Trace& trace, Ledger& ledger,
                 const Plan& plan)
    : clock_(clock),
      agenda_(agenda),
      trace_(trace),
      ledger_(ledger),
      plan_(plan),
      dice_(plan.seed + 7),
      names_fail_(plan.troubles.names) {
  for (const EndpointPlan& endpoint : plan.endpoints) {
    const auto number = static_cast<std::uint32_t>(endpoint.settings.number);
    receivers_[number] =
        std::make_unique<Receiver>(*this, endpoint, Dice(plan.seed * 131 + number));
    receivers_[number]->set_troubled(plan.troubles.network);
  }
}

Network::~Network() = default;

std::unique_ptr<dispatch::Transport> Network::make_transport(core::Loop& loop) {
  return std::make_unique<SimTransport>(*this, loop);
}
std::unique_ptr<dispatch::Resolver> Network::make_resolver(core::Loop& loop) {
  return std::make_unique<SimResolver>(*this, loop);
}

void Network::calm() {
  names_fail_ = false;
  for (auto& [number, receiver] : receivers_) receiver->set_troubled(false);
}

std::size_t Network::buffer_bytes() noexcept {
  return plan_.troubles.small_sockets ? dice_.between(2'000, 40'000) : 256 * 1024;
}

void Network::end_attempt(Wire& wire) {
  if (std::exchange(wire.under_way, false) && wire.run == run_)
    ledger_.on_attempt_over(wire.endpoint);
}

void Network::send_to_client(const WirePtr& wire, Ns delay, std::string bytes, bool ends) {
  wire->to_client_at = std::max(wire->to_client_at, clock_.steady_ns() + delay);
  agenda_.at(wire->to_client_at, [wire, ends, bytes = std::move(bytes)] {
    if (wire->stream == nullptr) return;
    wire->loop->post([wire, ends, bytes] {
      if (wire->stream != nullptr) wire->stream->arrived(bytes, ends);
    });
  });
}

void Network::close_to_client(const WirePtr& wire, Ns delay, bool in_order) {
  wire->to_client_at = std::max(wire->to_client_at, clock_.steady_ns() + delay);
  agenda_.at(wire->to_client_at, [wire, in_order] {
    wire->reset = !in_order;
    if (wire->stream == nullptr) return;
    wire->loop->post([wire, in_order] {
      if (wire->stream != nullptr) wire->stream->ended(in_order);
    });
  });
}

void Network::send_to_server(const WirePtr& wire, std::string bytes) {
  wire->room -= bytes.size();
  wire->to_server_at = std::max(wire->to_server_at, clock_.steady_ns() + wire->receiver->latency());
  agenda_.at(wire->to_server_at, [this, wire, bytes = std::move(bytes)] {
    if (wire->deaf) return;
    wire->receiver->on_bytes(wire, bytes);
    const Ns back = wire->receiver->latency();
    agenda_.after(back, [wire, size = bytes.size()] {
      wire->room += size;
      if (wire->stream == nullptr) return;
      wire->loop->post([wire] {
        if (wire->stream != nullptr) wire->stream->pump();
      });
    });
  });
}

SimStream::~SimStream() { HEADRACE_CHECK(!open_); }

bool SimStream::connect(const sockaddr& address) noexcept {
  HEADRACE_CHECK(!open_);
  const std::uint32_t number = address_of(address) & 0xff;
  wire_ = std::make_shared<Wire>();
  wire_->network = &network_;
  wire_->loop = &loop_;
  wire_->stream = this;
  wire_->receiver = network_.receivers().at(number).get();
  wire_->endpoint = number;
  wire_->run = network_.run();
  wire_->room = network_.buffer_bytes();
  open_ = true;
  // The next address of the same attempt, or the same attempt after a stale connection.
  wire_->goes_on = network_.telling_resends || network_.telling == this;
  wire_->under_way = true;
  network_.ledger().on_attempt(number, wire_->goes_on);
  const bool nobody = (address_of(address) & 0xffff0000) == kBadNetwork;
  const auto welcome =
      nobody ? network_.dice().any_of({Receiver::Welcome::kRefuse, Receiver::Welcome::kSilence})
             : wire_->receiver->welcome(*wire_);
  network_.trace().note("connect", number, static_cast<std::uint64_t>(welcome));
  if (welcome == Receiver::Welcome::kRefuse && network_.dice().one_in(20)) return false;
  if (welcome == Receiver::Welcome::kSilence) return true;
  network_.agenda().after(2 * wire_->receiver->latency(), [wire = wire_, welcome] {
    if (wire->stream == nullptr) return;
    wire->loop->post([wire, welcome] {
      if (wire->stream != nullptr) wire->stream->connected(welcome == Receiver::Welcome::kAccept);
    });
  });
  return true;
}

void SimStream::connected(bool connected) { owner_.on_connected(connected); }

std::optional<std::size_t> SimStream::try_write(const uv_buf_t* list, unsigned count) noexcept {
  if (wire_->reset) return std::nullopt;
  std::string request;
  for (unsigned i = 0; i < count; ++i) request.append(list[i].base, list[i].len);
  Wire& wire = *wire_;
  network_.end_attempt(wire);  // the last one, if it ended otherwise than by its answer
  const bool is_first = wire.requests++ == 0;
  if (is_first) {
    network_.ledger().on_attempt(wire.endpoint, true);  // counted when it connected
  } else {
    network_.ledger().on_attempt(wire.endpoint, false);
  }
  wire.under_way = true;
  wire.answered = false;
  network_.ledger().on_request(wire.endpoint, id_in(request), is_first && wire.goes_on);
  request.resize(std::min(request.size(), wire.room));
  const std::size_t taken = request.size();
  if (taken != 0) network_.send_to_server(wire_, std::move(request));
  return taken;
}

bool SimStream::write(const uv_buf_t* list, unsigned count) noexcept {
  if (wire_->reset) return false;
  for (unsigned i = 0; i < count; ++i) left_.emplace_back(list[i].base, list[i].len);
  writing_ = true;
  pump();
  return true;
}

void SimStream::pump() {
  if (!writing_ || !open_ || wire_->stream == nullptr) return;
  std::string bytes;
  while (!left_.empty() && bytes.size() < wire_->room) {
    std::string_view& piece = left_.front();
    const std::size_t size = std::min(piece.size(), wire_->room - bytes.size());
    bytes.append(piece.substr(0, size));
    piece.remove_prefix(size);
    if (piece.empty()) left_.erase(left_.begin());
  }
  if (!bytes.empty()) network_.send_to_server(wire_, std::move(bytes));
  if (!left_.empty()) return;
  writing_ = false;
  loop_.post([wire = wire_, this] {
    if (wire->stream == this) owner_.on_written(true);
  });
}

void SimStream::arrived(std::string_view bytes, bool ends) {
  network_.trace().note("arrived", wire_->endpoint, bytes.size(), ends ? 1 : 0);
  wire_->answered = true;
  if (ends) network_.end_attempt(*wire_);
  owner_.on_bytes(bytes);
}

void SimStream::ended(bool in_order) {
  network_.trace().note("ended", wire_->endpoint, in_order ? 1 : 0);
  const bool resends = wire_->requests > 1 && wire_->under_way && !wire_->answered;
  network_.telling_resends = resends;
  owner_.on_end(in_order);
  network_.telling_resends = false;
}

void SimStream::close() noexcept {
  HEADRACE_CHECK(open_ && wire_->stream == this);
  network_.end_attempt(*wire_);
  wire_->stream = nullptr;
  left_.clear();
  writing_ = false;
  loop_.post([this] { closed(); });
}

void SimStream::closed() {
  open_ = false;
  network_.telling = this;
  owner_.on_stream_closed();
  network_.telling = nullptr;
}

}  // namespace headrace::sim
